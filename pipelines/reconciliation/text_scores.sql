-- How alike the texts of each candidate pair are, 0 to 1.
--   reference   edits (also two letters swapped) against the longer text; or the shorter one stands
--               whole within the longer: banks cut references and put words around them
--   name        Jaro-Winkler of the words in alphabetical order
select
    pair,
    case $measure
        when 'name' then jaro_winkler_similarity(ledger_text, stated_text)
        else greatest(
            1.0 - damerau_levenshtein(ledger_text, stated_text)
                / cast(greatest(length(ledger_text), length(stated_text)) as double),
            case
                when least(length(ledger_text), length(stated_text)) >= $whole_length
                    and (contains(stated_text, ledger_text) or contains(ledger_text, stated_text))
                then $whole_score
                else 0.0
            end
        )
    end as score
from texts
order by pair
