"""A server whose every answer from the DNS has a signature that ended long ago."""
from authentication_trouble_cases import *


def case_forged_answers():
    message = signed(text("forged answers", "a@bogus.example"), domain="bogus.example")
    send(message, "u@bogus.example", helo="mx.bogus.example")
    kept("forged answers", "iprev=temperror", "spf=temperror", "dkim=temperror", "dmarc=temperror")


if __name__ == "__main__":
    main(globals())
