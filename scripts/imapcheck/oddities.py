"""Odd messages, one for each oddity."""
import base64

CRLF = b"\r\n"


def mail(*head, body=b"", end=True):
    """A message of header lines and a body; lines as text are UTF-8."""
    lines = [line.encode() if isinstance(line, str) else line for line in head]
    body = body.encode() if isinstance(body, str) else body
    return CRLF.join(lines) + CRLF + (CRLF + body if end else b"")


def text(*lines):
    return CRLF.join(line.encode() if isinstance(line, str) else line for line in lines) + CRLF


BASIC = ("From: Fred Foobar <foobar@blurdybloop.example>", "To: mooch@owatagu.example", "Subject: afternoon meeting",
         "Date: Mon, 07 Feb 1994 21:52:25 -0800", "Message-ID: <B27397-0100000@blurdybloop.example>")

FIXED = {
    "plain": mail(*BASIC, body=text("Hello Joe, do you think we can meet at 3:30 tomorrow?")),
    "header-only": mail(*BASIC),
    "header-without-blank": mail(*BASIC, end=False),
    "only-body": CRLF + text("no header at all"),
    "empty-line": CRLF,
    "one-octet": b"x",
    "no-last-newline": mail(*BASIC, body=b"ends here"),
    "body-of-blank-lines": mail(*BASIC, body=CRLF * 5),
    "mixed": mail(
        *BASIC, "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b1"',
        body=text("preamble", "--b1", "Content-Type: text/plain; charset=us-ascii", "", "first part", "", "--b1",
                  'Content-Type: application/octet-stream; name="x.bin"',
                  'Content-Disposition: attachment; filename="x.bin"', "Content-Transfer-Encoding: base64", "", "AAEC",
                  "--b1--", "epilogue")),
    "alternative": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=alt",
        body=text("--alt", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
                  "Gr=C3=BC=C3=9Fe aus M=C3=BCnchen", "--alt", "Content-Type: text/html; charset=utf-8",
                  "Content-Transfer-Encoding: base64", "",
                  base64.b64encode("<p>Grüße aus <b>München</b></p>".encode()).decode(), "--alt--")),
    "nested": mail(
        *BASIC, "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="outer"',
        body=text("--outer", 'Content-Type: multipart/alternative; boundary="inner"', "", "--inner", "", "inner plain",
                  "--inner", "Content-Type: text/html", "", "<b>inner</b>", "--inner--", "--outer",
                  "Content-Type: message/rfc822", "", "From: in@side.example", "Subject: inside", "Date: 1 Jan 2001 "
                  "00:00:00 +0000", "", "the body inside", "--outer--")),
    "rfc822-in-rfc822": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: message/rfc822",
        body=text("From: second@level.example", "Subject: level two", "MIME-Version: 1.0",
                  "Content-Type: multipart/mixed; boundary=two", "", "--two", "", "part of two", "--two",
                  "Content-Type: message/rfc822", "", "Subject: level three", "", "deep body", "--two--")),
    "digest": mail(
        *BASIC, "MIME-Version: 1.0", 'Content-Type: multipart/digest; boundary="d"',
        body=text("--d", "", "From: a@b.example", "Subject: one", "", "text one", "--d", "", "From: c@d.example",
                  "Subject: two", "", "text two", "--d--")),
    "digest-with-text": mail(
        *BASIC, "MIME-Version: 1.0", 'Content-Type: multipart/digest; boundary="d"',
        body=text("--d", "Content-Type: text/plain", "", "not a message", "--d--")),
    "missing-end-boundary": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=open",
        body=text("--open", "Content-Type: text/plain", "", "first", "--open", "", "second")),
    "no-boundary-in-body": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=nowhere", body=text("just text")),
    "no-boundary-parameter": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed", body=text("--x", "", "text", "--x--")),
    "empty-multipart": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=e", body=text("--e--")),
    "empty-parts": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=e",
        body=text("--e", "--e", "", "--e", "Content-Type: text/plain", "--e", "Content-Type: text/plain", "", "--e--")),
    "inner-unclosed": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=out",
        body=text("--out", "Content-Type: multipart/mixed; boundary=in", "", "--in", "", "one", "--in", "", "two",
                  "--out", "", "after", "--out--")),
    "boundary-prefix": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=abc",
        body=text("--abc", "Content-Type: multipart/mixed; boundary=abcd", "", "--abcd", "", "in the inner", "--abcd--",
                  "--abc", "", "in the outer", "--abc--")),
    "boundary-odd": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"a b'()+_,-./:=?\"",
        body=text("--a b'()+_,-./:=?", "", "text", "--a b'()+_,-./:=?  ", "", "two", "--a b'()+_,-./:=?--  ")),
    "related": mail(
        *BASIC, "MIME-Version: 1.0", 'Content-Type: multipart/related; boundary=r; type="text/html"; start="<r1>"',
        body=text("--r", "Content-ID: <r1>", "Content-Type: text/html; charset=iso-8859-1",
                  "Content-Location: http://x.example/index.html", "Content-Language: en, de", "", "<img src=cid:r2>",
                  "--r", "Content-ID: <r2>", "Content-Type: image/gif", "Content-Transfer-Encoding: base64",
                  "Content-Description: a picture", "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
                  "Content-Disposition: inline; filename=p.gif; size=12", "", "R0lGODdh", "--r--")),
    "signed": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/signed; boundary=s; micalg=pgp-sha1; "
        'protocol="application/pgp-signature"',
        body=text("--s", "Content-Type: text/plain", "", "signed text", "--s", "Content-Type: application/pgp-signature",
                  "", "-----BEGIN PGP SIGNATURE-----", "--s--")),
    "report": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/report; report-type=delivery-status; boundary=rp",
        body=text("--rp", "", "It failed.", "--rp", "Content-Type: message/delivery-status", "",
                  "Reporting-MTA: dns; x.example", "", "Final-Recipient: rfc822; a@b.example", "Action: failed", "--rp",
                  "Content-Type: text/rfc822-headers", "", "Subject: gone", "--rp--")),
    "folded": mail(
        "From: A very long name that goes on and on and on\r\n <long@x.example>", "To: a@b.example,\r\n\tc@d.example",
        "Subject: this is folded\r\n  over three\r\n\tlines", "Date: Mon,\r\n 07 Feb 1994 21:52:25 -0800",
        "References: <a@b>\r\n <c@d>\r\n <e@f>", body=text("x")),
    "encoded-words": mail(
        "From: =?iso-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.example>",
        "To: =?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.example>, =?utf-8?B?w4RubmU=?= <anne@x.example>",
        "Subject: =?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n"
        " =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=", body=text("words")),
    "encoded-words-odd": mail(
        "From: =?x-nothing?Q?who?= <w@x.example>", "Subject: =?utf-8?Q?un=closed =?utf-8?B?!!!!?= =?utf-8?X?a?= "
        "=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8*de?q?_Welt?=", "To: =?utf-8?q?a=2C_b?= <ab@x.example>", body=text("x")),
    "eight-bit-header": mail(
        "From: Änne Öztürk <anne@x.example>", "Subject: Grüße aus München", b"Comments: latin \xe4\xf6\xfc",
        "To: Jürgen <j@x.example>", body=text("ein Äpfelchen")),
    "latin1-body": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit",
        body="Grüße, Äpfel\r\n".encode("latin-1")),
    "utf8-body": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit",
        body="Grüße, Äpfel, 日本語, ΑΒΓ\r\n"),
    "koi8-body": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain; charset=koi8-r", "Content-Transfer-Encoding: base64",
        body=base64.b64encode("Привет, мир\r\n".encode("koi8-r")) + CRLF),
    "iso2022jp": mail(
        "From: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= <jp@x.example>", "Subject: =?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=",
        "MIME-Version: 1.0", "Content-Type: text/plain; charset=ISO-2022-JP",
        body="日本語のテスト\r\n".encode("iso2022_jp")),
    "unknown-charset": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain; charset=x-martian", body=text("plain words here")),
    "no-charset-eight-bit": mail(*BASIC, body="schlichte Grüße\r\n"),
    "quoted-printable": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        body=text("a soft =", "break and na=C3=AFve =3D equal=20", "bad =ZZ escape =")),
    "base64-odd": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain", "Content-Transfer-Encoding: BASE64",
        body=text("aGVs", " bG8g", "d29y", "bGQ", "!!!!")),
    "encoding-unknown": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain", "Content-Transfer-Encoding: x-uuencode",
        body=text("begin 644 x", "`", "end")),
    "encoding-with-comment": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain (really)", "Content-Transfer-Encoding: base64 (rfc)",
        body=text("aGVsbG8gd29ybGQ=")),
    "multipart-base64": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "Content-Transfer-Encoding: base64",
        body=text("--b", "", "plain", "--b--")),
    "parameters-continued": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20;\r\n"
        " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"", "Content-Disposition: attachment;"
        " filename*=utf-8''na%C3%AFve%20file.txt", body=text("stuff")),
    "parameters-broken": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/plain; charset; name=\"unclosed; x=y", body=text("stuff")),
    "parameters-odd": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text / plain ; charset = \"us-\\\"ascii\" ; ; format=flowed;",
        body=text("stuff")),
    "type-without-subtype": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: text", body=text("stuff")),
    "type-empty": mail(*BASIC, "MIME-Version: 1.0", "Content-Type:", body=text("stuff")),
    "type-nonsense": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: ///;;;", body=text("stuff")),
    "type-twice": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: text/html", "Content-Type: text/plain", body=text("stuff")),
    "no-mime-version": mail(
        *BASIC, "Content-Type: multipart/mixed; boundary=b", body=text("--b", "", "text", "--b--")),
    "groups": mail(
        "From: a@b.example", "To: A Group:Ed Jones <joe@where.test>,john@jdoe.example;", "Cc: Undisclosed recipients:;",
        "Bcc: (nobody) none:;, real@x.example", "Reply-To: friends: a@x.example, b@y.example;, c@z.example",
        body=text("groups")),
    "addresses-odd": mail(
        'From: "Joe Q. Public" <john.q.public@example.com>', "To: Pete(A nice \\) chap) <pete(his account)@silly.test"
        "(his host)>", "Cc: <@hosta.int,@jkl.org:john.q.public@example.com>, \"quo\\\"ted\"@x.example",
        "Reply-To: just a name", "Sender: <>", "Bcc: a@[192.0.2.1], \"sp ace\"@x.example", body=text("x")),
    "addresses-broken": mail(
        "From: <unclosed@x.example", "To: ,, , a@b.example,,", "Cc: @nothing, x@, @, <@>", "Reply-To: a b c@d e f",
        "Sender: one@x.example, two@x.example", "Bcc: \"unclosed <a@b.example>", body=text("x")),
    "addresses-comments": mail(
        "From: fred@x.example (Fred (the) Foo)", "To: (before) a@b.example (after), <c@d.example> (name)",
        "Cc: Muhammed.(I am  the greatest) Ali @(the)Vegas.WBA", body=text("x")),
    "fields-twice": mail(
        "From: one@x.example", "From: two@x.example", "Subject: first", "Subject: second", "To: a@x.example",
        "To: b@x.example", "Date: 1 Jan 2001 00:00:00 +0000", "Date: 2 Feb 2002 00:00:00 +0000",
        "Message-ID: <1@x>", "Message-ID: <2@x>", "In-Reply-To: <0@x>", "In-Reply-To: <00@x>", body=text("x")),
    "fields-empty": mail(
        "From:", "To: ", "Cc:\t", "Subject:", "Date:", "Message-ID:", "In-Reply-To:", "Reply-To:", "Sender:",
        body=text("x")),
    "header-broken": mail(
        "From: a@b.example", "this line is no field", "Subject : blank before colon", ": no name", "X-Ok: yes",
        body=text("x")),
    "header-continuation-first": mail(" begins with a blank", "Subject: second line", "From: a@b.example", body=text("x")),
    "header-mbox-from": mail("From a@b Mon Jan  1 00:00:00 2001", "Subject: after From_", "From: a@b.example",
                             body=text("x")),
    "header-case": mail("FROM: A@B.EXAMPLE", "sUbJeCt: Mixed Case", "mESSAGE-id: <Case@X>", body=text("x")),
    "header-blank-continuation": mail("Subject: one\r\n \r\n two", "From: a@b.example", body=text("x")),
    "long-line": mail(*BASIC, "X-Long: " + "x" * 3000, body=text("y" * 5000, "needle-at-the-end")),
    "long-subject": mail("From: a@b.example", "Subject: " + " ".join(f"word{i}" for i in range(300)), body=text("x")),
    "many-fields": mail("From: a@b.example", *[f"X-Field-{i}: value {i}" for i in range(120)], body=text("x")),
    "many-parts": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=m",
        body=b"".join(text("--m", "", f"part {i}") for i in range(25)) + text("--m--")),
    "in-reply": mail(
        "From: a@b.example", "Subject: Re: [list] Re: afternoon meeting (fwd)", "In-Reply-To: "
        "<B27397-0100000@blurdybloop.example>", "References: <B27397-0100000@blurdybloop.example>",
        "Message-ID: <reply-1@b.example>", "Date: Tue, 08 Feb 1994 10:00:00 +0000", body=text("> quoted")),
    "subject-quotes": mail('Subject: "quoted" \\back\\slash {5} (paren) %*', 'From: "a\\\\b" <a@b.example>',
                           body=text("x")),
    "message-id-odd": mail("Message-ID: (comment) < spaced @ x > trailing", "In-Reply-To: Your message of yesterday",
                           "References: <a@b><c@d> junk", "From: a@b.example", body=text("x")),
    "partial": mail(*BASIC, "MIME-Version: 1.0", 'Content-Type: message/partial; number=1; total=2; id="x@y"',
                    body=text("Subject: in the part", "", "half")),
    "external-body": mail(
        *BASIC, "MIME-Version: 1.0", 'Content-Type: message/external-body; access-type=local-file; name="/x"',
        body=text("Content-Type: image/gif", "", "")),
    "rfc822-base64": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64",
        body=base64.b64encode(mail(*BASIC, body=text("inside"))) + CRLF),
    "rfc822-empty": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: message/rfc822"),
    "rfc822-in-multipart-empty": mail(
        *BASIC, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=q",
        body=text("--q", "Content-Type: message/rfc822", "", "--q", "Content-Type: message/rfc822", "",
                  "Subject: no body", "--q--")),
    "message-global": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: message/global",
                           body=text("Subject: Grüße", "", "x")),
    "disposition-odd": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: image/png; name=a.png",
                            "Content-Disposition: ATTACHMENT; FileName=\"b c.png\"; creation-date=\"Wed, 12 Feb 1997 "
                            "16:29:51 -0500\"", "Content-Language: (x) en", "Content-ID: (c) <id@x>", body=text("x")),
    "disposition-empty": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: image/png", "Content-Disposition:",
                              "Content-ID:", "Content-Description:", "Content-Language:", "Content-Location:",
                              body=text("x")),
    "html-only": mail(*BASIC, "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8",
                      body=text("<html><body>hyper <b>te</b>xt &amp; more</body></html>")),
    "dots": mail(*BASIC, body=text(".", "..", ".dot", "From here")),
}
