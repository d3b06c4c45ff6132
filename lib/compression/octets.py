"""Numbers of any size as bytes, and a reader that never reads past the end."""

from lib.compression.entropy_coding import DecodingError


def varint(number):
    """Return a number from 0 as bytes of 7 bits each, the lowest first (LEB128)."""
    content = bytearray()
    while number > 127:
        content.append(number & 127 | 128)
        number >>= 7
    return bytes([*content, number])


class Reader:
    """Reads bytes from the start on; whatever is not there raises DecodingError."""

    def __init__(self, content):
        self.content, self.place = content, 0

    def take(self, number):
        """Return the next `number` bytes."""
        if number > len(self.content) - self.place:
            raise DecodingError("The file is truncated.")
        self.place += number
        return self.content[self.place - number : self.place]

    def rest(self):
        """Return all that is left."""
        return self.take(len(self.content) - self.place)

    def varint(self):
        """Return the next number that varint wrote."""
        number = 0
        for shift in range(0, 35, 7):
            octet = self.take(1)[0]
            number |= (octet & 127) << shift
            if octet < 128:
                return number
        raise DecodingError("A number in the file is longer than 5 bytes.")
