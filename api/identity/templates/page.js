"use strict";
// Passkeys: asks the server for options, the authenticator for an answer, and brings it back.

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const readable = (options) => {
  const publicKey = { ...options, challenge: bytesOf(options.challenge) };
  if (options.user) publicKey.user = { ...options.user, id: bytesOf(options.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) publicKey[list] = options[list].map((each) => ({ ...each, id: bytesOf(each.id) }));
  }
  return publicKey;
};

const answerOf = (credential) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = textOf(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return { id: credential.id, rawId: textOf(credential.rawId), type: credential.type, response };
};

const post = async (url, content) => {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
};

const ceremony = async (form) => {
  const { options, answer, next, ceremony: kind } = form.dataset;
  const publicKey = readable(await post(options, {}));
  const credential = await navigator.credentials[kind]({ publicKey });
  const named = new FormData(form).get("name");
  return post(answer, { credential: answerOf(credential), next, ...(named ? { name: named } : {}) });
};

for (const form of document.querySelectorAll("form.passkey")) {
  const told = form.querySelector("[role=status]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!window.PublicKeyCredential) {
      told.textContent = "This browser has no passkeys.";
      return;
    }
    told.textContent = "Answer your device's question …";
    try {
      const { next } = await ceremony(form);
      location.assign(next);
    } catch (error) {
      const given_up = error.name === "NotAllowedError";
      told.textContent = given_up ? "No passkey was used. You can try again." : error.message;
    }
  });
}

document.querySelector("[role=alert]")?.focus();
