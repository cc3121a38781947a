//! Weather, rivers, fields and what they bring.

pub(super) const TEMPLATES: &[&str] = &[
    "{weather} is expected in {region} and {region} {when} .",
    "{weather} closed the airport of {city} for {small} hours {when} .",
    "temperatures in {city} reached {degrees} degrees {when} {tail}",
    "{weather} moved from {country} towards {country} {when} .",
    "storm {storm} reached the coast of {country} near {city} {when} .",
    "storm {storm} will bring {weather} to {region} on {weekday} .",
    "the {river} rose {small} metres near {city} after days of {weather} .",
    "farmers in {region} expect {big} tonnes of {goods} after the {weather} .",
    "{weather} in {country} has delayed the {goods} harvest .",
    "an earthquake shook the {region} region of {country} {when} ; no damage was reported .",
    "{agency} said the {weather} would last until {weekday} .",
    "roads between {city} and {city} were closed because of {weather} .",
    "{city} had its {adjective} {month} since {year} .",
    "\" we have not seen such {weather} since {year} , \" said {person} , who farms near {city} .",
    "the {lake} froze for the {ordinal} time since {year} .",
    "a ship of {company} waited for {small} days off {city} because of {weather} .",
    "it will be {weather_word} in {city} , {weather_word} in {city} and {weather_word} in {region} .",
    "light winds are forecast for the {sea} , with {weather} near {place} .",
    "{surname} , of {agency} , expects a {adjective} {season_name} in {country} .",
    "^{weather} in {country} .",
];
