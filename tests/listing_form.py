"""What a seller types into the form of a listing."""

TYPED = {
    "variety_code": "newhall",
    "grade_code": "first",
    "size_code": "d75_80",
    "packs-0-net": "5",
    "packs-0-price": "49.90",
    "packs-0-boxes": "50",
    "batch": "new",
    "county_code": "360722",
    "area_code": "360722105",
    "picked_on": "2026-11-18",
    "orchard": "屋后坡",
}
