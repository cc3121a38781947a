//! Results and standings: names with hardly any words around them.

pub(super) const TEMPLATES: &[&str] = &[
    "{small} . {person} ( {country} ) {small}.{two} seconds",
    "{small} . {person} ( {nationality_code} ) {small}:{two}.{two}",
    "{person} ( {country} ) beat {person} ( {country} ) 6-3 7-5",
    "{small} - {person} ( {team} ) , {person} ( {team} )",
    "{team} {small} {small} {small} {small} {two} {two} {two}",
    "{team} {score} {team}",
    "{team} {small} {team} {small} ( halftime {score} )",
    "{city} {two} {two} {weather_word}",
    "{side} {score} {side} ( after extra time )",
    "{company} {two}.{two} up {percent}",
    "{company} {two}.{two} down {percent}",
    "scorers : {surname} {two} , {surname} {two} , {surname} {two}",
    "attendance : {big}",
    "{weekday} 's results in the {event} :",
    "{city} {year}-{two}-{two}",
    "{month} {two} - {city} : {event} , {ordinal} round",
    "leading positions after the {ordinal} day of the {event} in {city} :",
    "{small} . {team} {two} points",
];
