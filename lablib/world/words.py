"""The vocabulary of the world: common nouns, and the names of people."""

# Short, common and in lower case, so that lists of them read naturally and real language
# models know them too. Words of an office are among them: a help desk will use them.
_NOUNS = """
apple ball bag bank bed bee bell bike bird boat book bottle bowl box bread bridge brush bus cake
camera candle car card carpet castle cat chair cheese church clock cloud coat coin corn cow cup
desk doctor dog door dress drum duck eagle ear egg engine farm field fish flag floor flower fork
forest fox garden gate glass goat gold grape grass guitar hammer hand hat heart hill honey horse
hotel house ice island jacket juice key king kitchen kite knife ladder lake lamp leaf lemon letter
lion map market meat milk mirror money monkey moon mountain mouse music needle nest nose nurse
ocean office onion orange paint paper park pen pencil phone piano picture pig pillow plane plant
plate pocket queen rabbit radio rain ring river road robot roof room rope rose salt school sea
sheep ship shirt shoe shop silver snake snow soap sock song soup spoon star stone storm story
street sugar sun table tea teacher tent tiger tower town toy train tree truck wall watch water
wheel window wind wolf wood
account battery cable email file folder invoice keyboard laptop message modem monitor network
order package password payment printer program receipt refund screen server software
tablet ticket update website
"""
_NAMES = "Tom Anna Ben Sara Max Lucy Sam Emma Jack Maria Paul Nina Leo Kate David Julia"

NOUNS = tuple(_NOUNS.split())
NAMES = tuple(_NAMES.split())
