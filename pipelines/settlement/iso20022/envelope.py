"""head.001.001.02, the business application header, and the envelope around it and its document.

Belongs here: who sends what to whom, outside the message. Written where a profile has the setting
`envelope: head.001.001.02`; `business_service` names the usage guideline, such as swift.cbprplus.02.
"""

from pipelines.settlement.iso20022.elements import Markup, Record, constant, element, sequence
from pipelines.settlement.iso20022.parties import institution
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile

HEADER = "head.001.001.02"


def application_header(record: Record, profile: Profile, message: str) -> Markup | None:
    """The opening of the envelope and its AppHdr, from a message's head."""
    if profile.settings["envelope"] != HEADER:
        place = f"profile {profile.name}, envelope"
        raise FileRefused("envelope_unknown", place, f"the one envelope that is written is {HEADER}")
    service = profile.settings.get("business_service")
    return sequence(
        constant(f'<Envelope>\n<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:{HEADER}">'),
        element("Fr", element("FIId", institution(record, "sender"))),
        element("To", element("FIId", institution(record, "receiver"))),
        element("BizMsgIdr", record("message_id")),
        element("MsgDefIdr", constant(message)),
        element("BizSvc", constant(str(service))) if service is not None else None,
        element("CreDt", record("created_at")),
        constant("</AppHdr>\n"),
    )
