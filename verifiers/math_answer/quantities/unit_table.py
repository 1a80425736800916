"""Units of measure as data: what each is called, what it measures, how many base units it holds.

Rule 1: factors are exact; a unit without an exact factor to its base (a month in days) has its own base.
Rule 2: angles, temperatures and currencies are bases of their own: what needs pi, an offset or an exchange
        rate is no multiplication, and belongs to the rule that knows it.
"""

from fractions import Fraction
from typing import Final

Dimension = tuple[tuple[str, int], ...]

LENGTH: Final[Dimension] = (("m", 1),)
AREA: Final[Dimension] = (("m", 2),)
VOLUME: Final[Dimension] = (("m", 3),)
MASS: Final[Dimension] = (("kg", 1),)
TIME: Final[Dimension] = (("s", 1),)
MONTHS: Final[Dimension] = (("month", 1),)
ANGLE: Final[Dimension] = (("deg", 1),)
FREQUENCY: Final[Dimension] = (("s", -1),)
SPEED: Final[Dimension] = (("m", 1), ("s", -1))
FORCE: Final[Dimension] = (("kg", 1), ("m", 1), ("s", -2))
ENERGY: Final[Dimension] = (("kg", 1), ("m", 2), ("s", -2))
POWER: Final[Dimension] = (("kg", 1), ("m", 2), ("s", -3))
PRESSURE: Final[Dimension] = (("kg", 1), ("m", -1), ("s", -2))
VOLTAGE: Final[Dimension] = (("A", -1), ("kg", 1), ("m", 2), ("s", -3))

# Canonical name, dimension, factor to the base, spellings split at "|": symbols as written, words lower-case.
ATOMS: Final[tuple[tuple[str, Dimension, str, str], ...]] = (
    ("km", LENGTH, "1000", "Km|KM|kms|kilometer|kilometers|kilometre|kilometres|千米|公里"),
    ("hm", LENGTH, "100", "hectometer|hectometers|hectometre|hectometres"),
    ("m", LENGTH, "1", "meter|meters|metre|metres|mtr|mtrs|米"),
    ("dm", LENGTH, "1/10", "decimeter|decimeters|decimetre|decimetres|分米"),
    ("cm", LENGTH, "1/100", "Cm|CM|cms|centimeter|centimeters|centimetre|centimetres|厘米"),
    ("mm", LENGTH, "1/1000", "millimeter|millimeters|millimetre|millimetres|毫米"),
    ("um", LENGTH, "1/1000000", "μm|µm|micron|microns|micrometer|micrometers|micrometre|micrometres|微米"),
    ("nm", LENGTH, "1/1000000000", "nanometer|nanometers|nanometre|nanometres|纳米"),
    ("in", LENGTH, "127/5000", "inch|inches|ins|英寸"),
    ("ft", LENGTH, "381/1250", "foot|feet|英尺"),
    ("yd", LENGTH, "1143/1250", "yds|yard|yards"),
    ("mi", LENGTH, "201168/125", "mile|miles|英里"),
    ("nmi", LENGTH, "1852", "nautical mile|nautical miles|海里"),
    ("ly", LENGTH, "9460730472580800", "light year|light years|light-year|light-years|光年"),
    ("au", LENGTH, "149597870700", "AU|astronomical unit|astronomical units"),
    ("里", LENGTH, "500", ""),
    ("丈", LENGTH, "10/3", ""),
    ("尺", LENGTH, "1/3", ""),
    ("寸", LENGTH, "1/30", ""),
    ("ha", AREA, "10000", "hectare|hectares|公顷"),
    ("ares", AREA, "100", ""),
    ("acre", AREA, "316160658/78125", "acres|英亩"),
    ("亩", AREA, "2000/3", ""),
    ("L", VOLUME, "1/1000", "l|ℓ|\\ell|liter|liters|litre|litres|升"),
    ("hL", VOLUME, "1/10", "hl|hectoliter|hectoliters|hectolitre|hectolitres"),
    ("dL", VOLUME, "1/10000", "dl|deciliter|deciliters|decilitre|decilitres|分升"),
    ("cL", VOLUME, "1/100000", "cl|centiliter|centiliters|centilitre|centilitres"),
    ("mL", VOLUME, "1/1000000", "ml|ML|milliliter|milliliters|millilitre|millilitres|毫升"),
    ("cc", VOLUME, "1/1000000", "ccm"),
    ("gal", VOLUME, "473176473/125000000000", "gallon|gallons|加仑"),
    ("qt", VOLUME, "473176473/500000000000", "quart|quarts"),
    ("pt", VOLUME, "473176473/1000000000000", "pint|pints"),
    ("cup", VOLUME, "473176473/2000000000000", "cups"),
    ("floz", VOLUME, "473176473/16000000000000", "fl oz|fluid ounce|fluid ounces"),
    ("tbsp", VOLUME, "473176473/32000000000000", "tablespoon|tablespoons"),
    ("tsp", VOLUME, "473176473/96000000000000", "teaspoon|teaspoons"),
    ("t", MASS, "1000", "tonne|tonnes|metric ton|metric tons|吨|公吨"),
    ("quintal", MASS, "100", "quintals|公担"),
    ("kg", MASS, "1", "Kg|KG|kgs|kilo|kilos|kilogram|kilograms|kilogramme|kilogrammes|千克|公斤"),
    ("斤", MASS, "1/2", "市斤"),
    ("两", MASS, "1/20", ""),
    ("g", MASS, "1/1000", "gm|gms|gram|grams|gramme|grammes|克"),
    ("mg", MASS, "1/1000000", "milligram|milligrams|毫克"),
    ("ug", MASS, "1/1000000000", "μg|µg|mcg|microgram|micrograms|微克"),
    ("lb", MASS, "45359237/100000000", "lbs|pound|pounds|磅"),
    ("oz", MASS, "45359237/1600000000", "ounce|ounces|盎司"),
    ("ton", MASS, "45359237/50000", "tons|short ton|short tons"),
    ("stone", MASS, "317514659/50000000", "stones"),
    ("s", TIME, "1", "sec|secs|second|seconds|秒|秒钟"),
    ("ms", TIME, "1/1000", "msec|millisecond|milliseconds|毫秒"),
    ("us", TIME, "1/1000000", "μs|µs|microsecond|microseconds|微秒"),
    ("ns", TIME, "1/1000000000", "nanosecond|nanoseconds|纳秒"),
    ("min", TIME, "60", "mins|minute|minutes|分钟"),
    ("h", TIME, "3600", "hr|hrs|hour|hours|小时|时|个小时|钟头"),
    ("day", TIME, "86400", "days|d|天|日"),
    ("week", TIME, "604800", "weeks|wk|wks|周|星期|个星期"),
    ("fortnight", TIME, "1209600", "fortnights"),
    ("month", MONTHS, "1", "months|mo|mos|个月"),
    ("year", MONTHS, "12", "years|yr|yrs|年|岁"),
    ("decade", MONTHS, "120", "decades"),
    ("century", MONTHS, "1200", "centuries|世纪"),
    (
        "deg",
        ANGLE,
        "1",
        "degree|degrees|degs|°|º|∘|^∘|^°|\\circ|^\\circ|\\degree|angular degrees|度",
    ),
    ("arcmin", ANGLE, "1/60", "′|arc minute|arc minutes|arcminute|arcminutes|minute of arc|minutes of arc"),
    ("arcsec", ANGLE, "1/3600", "″|arc second|arc seconds|arcsecond|arcseconds|second of arc|seconds of arc"),
    ("rev", ANGLE, "360", "revs|revolution|revolutions|圈|转"),
    ("rad", (("rad", 1),), "1", "rads|radian|radians|弧度"),
    (
        "degC",
        (("degC", 1),),
        "1",
        "°C|^°C|^\\circC|℃|celsius|degrees celsius|degrees c|摄氏度",
    ),
    (
        "degF",
        (("degF", 1),),
        "1",
        "°F|^°F|^\\circF|℉|fahrenheit|degrees fahrenheit|degrees f|华氏度",
    ),
    ("K", (("K", 1),), "1", "kelvin|kelvins|degrees kelvin|开尔文"),
    ("%", (("%", 1),), "1", "\\%|％|percent|per cent|pct|percentage point|percentage points|个百分点|百分点"),
    ("Hz", FREQUENCY, "1", "hz|hertz|赫兹"),
    ("kHz", FREQUENCY, "1000", "khz|kilohertz|千赫"),
    ("MHz", FREQUENCY, "1000000", "megahertz|兆赫"),
    ("mph", SPEED, "1397/3125", "MPH|mi/hr"),
    ("kph", SPEED, "5/18", "kmph|KPH|kmh"),
    ("fps", SPEED, "381/1250", ""),
    ("knot", SPEED, "463/900", "knots|kn|kt"),
    ("N", FORCE, "1", "newton|newtons|牛顿|牛"),
    ("kN", FORCE, "1000", "kilonewton|kilonewtons"),
    ("lbf", FORCE, "8896443230521/2000000000000", "pound-force|pounds-force"),
    ("J", ENERGY, "1", "joule|joules|焦耳|焦"),
    ("kJ", ENERGY, "1000", "kilojoule|kilojoules|千焦"),
    ("MJ", ENERGY, "1000000", "megajoule|megajoules"),
    ("cal", ENERGY, "523/125", "calorie|calories|卡路里"),
    ("kcal", ENERGY, "4184", "kilocalorie|kilocalories|千卡|大卡"),
    ("kWh", ENERGY, "3600000", "kwh|kilowatt hour|kilowatt hours|kilowatt-hour|kilowatt-hours|千瓦时"),
    ("eV", ENERGY, "1602176634/10000000000000000000000000000", "electronvolt|electronvolts|electron volts"),
    ("W", POWER, "1", "watt|watts|瓦|瓦特"),
    ("kW", POWER, "1000", "kw|kilowatt|kilowatts|千瓦"),
    ("MW", POWER, "1000000", "megawatt|megawatts|兆瓦"),
    ("Pa", PRESSURE, "1", "pascal|pascals|帕|帕斯卡"),
    ("hPa", PRESSURE, "100", "hectopascal|hectopascals"),
    ("kPa", PRESSURE, "1000", "kilopascal|kilopascals|千帕"),
    ("MPa", PRESSURE, "1000000", "megapascal|megapascals|兆帕"),
    ("atm", PRESSURE, "101325", "atmosphere|atmospheres|标准大气压"),
    ("bar", PRESSURE, "100000", "bars"),
    ("A", (("A", 1),), "1", "amp|amps|ampere|amperes|安|安培"),
    ("mA", (("A", 1),), "1/1000", "milliamp|milliamps|milliampere|milliamperes|毫安"),
    ("C", (("A", 1), ("s", 1)), "1", "coulomb|coulombs|库仑"),
    ("V", VOLTAGE, "1", "volt|volts|伏|伏特"),
    ("mV", VOLTAGE, "1/1000", "millivolt|millivolts|毫伏"),
    ("kV", VOLTAGE, "1000", "kilovolt|kilovolts|千伏"),
    (
        "ohm",
        (("A", -2), ("kg", 1), ("m", 2), ("s", -3)),
        "1",
        "ohms|Ω|\\Omega|欧姆|欧",
    ),
    ("F", (("A", 2), ("kg", -1), ("m", -2), ("s", 4)), "1", "farad|farads|法拉"),
    ("Wb", (("A", -1), ("kg", 1), ("m", 2), ("s", -2)), "1", "weber|webers|韦伯"),
    ("T", (("A", -1), ("kg", 1), ("s", -2)), "1", "tesla|teslas|特斯拉"),
    ("mol", (("mol", 1),), "1", "mole|moles|摩尔"),
    ("mmol", (("mol", 1),), "1/1000", "millimole|millimoles"),
    ("cd", (("cd", 1),), "1", "candela|candelas"),
    ("bit", (("bit", 1),), "1", "bits|比特"),
    ("byte", (("bit", 1),), "8", "bytes|字节"),
    ("KB", (("kB", 1),), "1", "kB|kilobyte|kilobytes"),
    ("MB", (("MB", 1),), "1", "megabyte|megabytes"),
    ("GB", (("GB", 1),), "1", "gigabyte|gigabytes"),
    ("USD", (("USD", 1),), "1", "$|\\$|US$|dollar|dollars|usd|us dollars|u.s. dollars|buck|bucks|美元"),
    ("cent", (("USD", 1),), "1/100", "cents|¢|美分"),
    ("EUR", (("EUR", 1),), "1", "€|euro|euros|eur|\\euro|欧元"),
    ("GBP", (("GBP", 1),), "1", "£|\\pounds|gbp|pounds sterling|英镑"),
    ("penny", (("GBP", 1),), "1/100", "pence"),
    ("CNY", (("CNY", 1),), "1", "¥|￥|\\yen|元|yuan|yuans|rmb|RMB|cny|renminbi|块钱|人民币"),
    ("角", (("CNY", 1),), "1/10", "毛|jiao"),
    ("JPY", (("JPY", 1),), "1", "yen|jpy|日元"),
    ("INR", (("INR", 1),), "1", "₹|rs|rs.|Rs|Rs.|rupee|rupees|inr|卢比"),
    ("paisa", (("INR", 1),), "1/100", "paise|paisas"),
    ("RUB", (("RUB", 1),), "1", "₽|ruble|rubles|rouble|roubles|rub|卢布"),
    ("kopeck", (("RUB", 1),), "1/100", "kopecks|kopek|kopeks"),
    ("unit", (("unit", 1),), "1", "units|单位|个单位|单位长度|个单位长度"),
)

# What is written as one symbol but is a product or a power, in canonical parts.
COMPOUND_NAMES: Final[dict[str, str]] = {
    "sqm": "m^2",
    "sqft": "ft^2",
    "sqin": "in^2",
    "sqcm": "cm^2",
    "sqkm": "km^2",
    "sq units": "unit^2",
    "面积单位": "unit^2",
    "平方单位": "unit^2",
    "体积单位": "unit^3",
    "rpm": "rev/min",
    "mpg": "mi/gal",
    "psi": "lbf/in^2",
}

SCALES: Final[dict[str, int]] = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "dozen": 12,
    "百": 100,
    "千": 1_000,
    "万": 10_000,
    "百万": 1_000_000,
    "千万": 10_000_000,
    "亿": 100_000_000,
}

# Same canonical unit under two names.
SYNONYMS: Final[dict[str, str]] = {"kph": "km/h", "mph": "mi/h", "fps": "ft/s", "cc": "cm^3", "knot": "nmi/h"}

FACTORS: Final[dict[str, tuple[Dimension, Fraction]]] = {
    name: (dimension, Fraction(size)) for name, dimension, size, _ in ATOMS
}
SPELLINGS: Final[dict[str, str]] = {
    spelling: name for name, _, _, spellings in ATOMS for spelling in (name, *spellings.split("|")) if spelling
}

# Words after a number that make it more than a count: relations, joints, conditions, numbers, functions.
NOT_COUNTED: Final = """
a an and or if when where for is are was were be not no none to than less more fewer greater least most at
about approximately plus minus over mod modulo by with without but else otherwise only then so thus hence
because since while as that which who such from between until exactly solution undefined infinity infinite
zero one two three four five six seven eight nine ten eleven twelve dozen hundred thousand million billion
trillion half third quarter sin cos tan cot sec csc ln log lg exp sqrt pi max gcd lcm lim arcsin arccos arctan
equals equal am pm it can cannot does do did the th st nd rd even odd positive negative all any every each
both either neither per maybe perhaps possibly probably likely alternatively roughly nearly almost unless except
"""
# Words that make a clause of what follows a noun: "pens the count would be odd".
NOT_WITHIN_COUNTED: Final = """
and or if when where not no than is are was were be been but except otherwise only the this that so would will
could should can may might must has have had i we he she it they you because since while as odd even unless
maybe perhaps possibly probably likely alternatively take so
"""
