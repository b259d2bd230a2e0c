"""Sends the same messages through two servers and compares what a sink got of each.

compare.py PORT-OF-POSTFIX SINK-FILE PORT-OF-MARTLET SINK-FILE
"""
import json
import re
import smtplib
import sys
import time

CASES = [
    ("canon@in.test", ["x@far.test"], ["From: Canon <canon@in.test>", "To: x@far.test"]),
    ("canon+tag@in.test", ["x@far.test"], ["From: canon+tag@in.test", "Reply-To: canon@in.test"]),
    ("plain", ["x@far.test"], ["From: plain", "Sender: plain", "To: root, \"Q, R\" <x@far.test>"]),
    ("a@old.test", ["b@old.test"], ["From: a@old.test", "To: Bee <b@old.test>, c@old.test"]),
    ("chain@in.test", ["x@far.test"], ["From: chain@in.test"]),
    ("sender@in.test", ["sender@in.test"], ["From: sender@in.test", "To: sender@in.test"]),
    ("rcpt@in.test", ["rcpt@in.test"], ["From: rcpt@in.test", "Cc: rcpt@in.test"]),
    ("u@host.masq.test", ["u@host.masq.test"], ["From: U <u@host.masq.test>", "To: u@host.masq.test"]),
    ("root@host.masq.test", ["x@far.test"], ["From: root@host.masq.test", "To: root@host.masq.test"]),
    ("u@a.keep.masq.test", ["x@far.test"], ["From: u@a.keep.masq.test"]),
    ("x@far.test", ["team@v.test"], ["From: x@far.test", "To: team@v.test"]),
    ("x@far.test", ["nested@v.test", "team@v.test"], ["From: x@far.test"]),
    ("x@far.test", ["self@v2.test"], ["From: x@far.test"]),
    ("x@far.test", ["any@v2.test", "tag+ext@v2.test"], ["From: x@far.test"]),
    ("x@far.test", ["one+ext@v.test"], ["From: x@far.test"]),
    ("local@lan.test", ["x@far.test"], ["From: Local <local@lan.test>", "To: x@far.test, peer@lan.test"]),
    ("local+tag@lan.test", ["other@lan.test"], ["From: other@lan.test", "To: once@lan.test"]),
    ("copied@in.test", ["x@far.test"], ["From: copied@in.test"]),
    ("x@far.test", ["watched@far.test"], ["From: x@far.test"]),
    ("", ["x@far.test"], ["From: MAILER-DAEMON@in.test", "To: canon@in.test"]),
    ("x@far.test", ["y@far.test"], ["From: x@far.test", "Subject: drop me", "X-Keep: 1"]),
    ("x@far.test", ["y@far.test"], ["From: x@far.test", "Subject: change this\r\n please", "X-Keep: 2"]),
    ("x@far.test", ["y@far.test"], ["From: x@far.test", "X-Mark: it", "X-Away: secret", "X-Out: 10.0.0.1"]),
    ("x@far.test", ["y@far.test"], ["From: x@far.test", "Subject: to somebody else"]),
    ("x@far.test", ["y@far.test"], ["From: x@far.test", "Subject: and a copy"]),
    ("x@far.test", ["y@far.test"],
     ["From: =?utf-8?Q?J=C3=B6rg?= <canon@in.test>", "To: undisclosed-recipients:;",
      "Cc: group: canon@in.test, c@old.test;, d@old.test (note)"]),
    ("x@far.test", ["y@far.test"],
     ["From: x@far.test", "Resent-From: canon@in.test", "Resent-To: c@old.test", "Errors-To: <canon@in.test>",
      "Disposition-Notification-To: canon@in.test", "Return-Receipt-To: canon@in.test",
      "Mail-Followup-To: canon@in.test", "Message-ID: <canon@in.test>"]),
]
BOUNDED = ["From: x@far.test", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b1"]


def parts(*headers, boundary="b1"):
    """A multipart body; each header is a list of lines, or lines with another body behind an empty one."""
    text = "This is a preamble\nX-Inner-Away: of no part\n\n"
    for lines in headers:
        text += f"--{boundary}\n" + "\n".join(lines) + ("" if "" in lines else "\n\nX-Inner-Away: in the body") + "\n"
    return text + f"--{boundary}--\nX-Inner-Away: after it\n"


NESTED = ["Content-Type: multipart/alternative; boundary=b2", ""] + parts(
    ["Content-Type: text/plain", "X-Inner-Away: 2"], ["X-Inner-Away: 3"], boundary="b2").splitlines()
ATTACHED = ["Content-Type: message/rfc822", "X-Inner-Mark: 2", "", "Subject: change of theirs\n and more",
            "X-Inner-Away: 4", "X-Mark: inner", "X-Out: 10.0.0.2", "", "X-Inner-Away: in the inner body"]
MULTIPARTS = [
    (BOUNDED, parts(["Content-Type: text/plain", "X-Inner-Away: 1"], ["X-Inner-Mark: 1", "Content-Type: text/html"])),
    (BOUNDED, parts(["Content-Description: a\n\tsecret", "X-Kept: 1"], NESTED, ATTACHED)),
    (BOUNDED, parts(["X-Inner-Away: alone"], ["", "no header, X-Inner-Away: 1"], ["X-Inner-Copy: yes"])),
    (["From: x@far.test", "MIME-Version: 1.0", "Content-Type: message/rfc822"], "\n".join(ATTACHED[3:]) + "\n"),
    (["From: x@far.test", "MIME-Version: 1.0", "Content-Type: text/plain; boundary=b1"],
     parts(["X-Inner-Away: in no multipart"])),
    (BOUNDED, parts(["Content-Type: text/plain", "X-Inner-Away: large"])
     + "".join(f"X-Inner-Away: line {n} of a large epilogue\n" for n in range(9000))),
    (BOUNDED, parts(["Content-Type: text/plain"], ATTACHED[:3] + ["Subject: s", "Content-Type: multipart/mixed; boundary=b3", ""] + parts(
        ["X-Inner-Away: 7", "Content-Type: text/plain"], boundary="b3").splitlines())),
]
CASES += [("x@far.test", ["y@far.test"], header, body) for header, body in MULTIPARTS]
CASES.append(("x@far.test", ["y@far.test"],
              ["From: x@far.test", "Content-Description: of the whole", "MIME-Version: 1.0"]))
REFUSED = [("x@far.test", ["y@far.test"], BOUNDED,
            parts(["Content-Disposition: attachment;\n filename=bad.exe"])),
           ("x@far.test", ["y@far.test"], BOUNDED,
            parts(["Content-Type: message/rfc822", "", "Content-Type: application/x; name=bad.exe", "", "x"])),
           ("x@far.test", ["y@far.test"], ["From: x@far.test", "Subject: not wanted"]),
           ("x@far.test", ["loop@v.test"], ["From: x@far.test"])]
# Written by the servers themselves. Postfix adds Message-ID and Date of what is sent again.
IGNORED = {"received", "date", "message-id", "return-path", "resent-message-id", "resent-date"}


def send(port, number, case):
    sender, recipients, header = case[:3]
    body = case[3] if len(case) > 3 else "canon@in.test says hello\n"
    lines = header + [f"X-Case: {number}", "Date: Mon, 01 Jun 2026 10:00:00 +0000"]
    if not any(line.lower().startswith("message-id") for line in header):
        lines.append(f"Message-ID: <{number}@case.test>")
    text = "\r\n".join(lines + [""] + re.sub(r"\r?\n", "\r\n", body).split("\r\n"))
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo("client.test")
        client.sendmail(sender, recipients, text)


def taken(file):
    """What the sink got: by case, who it is from, everybody it is for, and the header that matters."""
    found = {}
    try:
        with open(file) as lines:
            read = [json.loads(line) for line in lines]
    except FileNotFoundError:
        return found
    for sender, recipients, message in read:
        head, body = message.split("\r\n\r\n", 1)
        fields = [f.split(":", 1) for f in re.split(r"\r\n(?![ \t])", head)]
        case = next(value.strip() for name, value in fields if name == "X-Case")
        header = [name.lower() + ":" + re.sub(r"\s+", "", value) for name, value in fields
                  if name.lower() not in IGNORED]
        entry = found.setdefault(case, {"from": sender, "to": set(), "header": header, "body": body})
        entry["to"] |= set(recipients)
    return found


def main():
    ports, files = (int(sys.argv[1]), int(sys.argv[3])), (sys.argv[2], sys.argv[4])
    for port in ports:
        for number, case in enumerate(CASES):
            send(port, number, case)
    wanted = None
    for _ in range(300):
        theirs, ours = (taken(file) for file in files)
        if len(theirs) == len(ours) == len(CASES) and all(theirs[k]["to"] == ours[k]["to"] for k in theirs):
            break
        time.sleep(0.1)
    failed = 0
    for number, case in enumerate(CASES):
        a, b = theirs.get(str(number)), ours.get(str(number))
        if a != b:
            failed += 1
            print(f"case {number} {str(case)[:2000]}\n  postfix {str(a)[:2000]}\n  martlet {str(b)[:2000]}")
    for case in REFUSED:
        codes = []
        for port in ports:
            try:
                send(port, "refused", case)
                codes.append("taken")
            except smtplib.SMTPResponseException as error:
                codes.append(f"{error.smtp_code // 100}")
            except smtplib.SMTPRecipientsRefused as error:
                codes.append(f"{list(error.recipients.values())[0][0] // 100}")
        if codes[0] != codes[1]:
            failed += 1
            print(f"{case}: postfix {codes[0]}, martlet {codes[1]}")
    print(f"{len(CASES) + len(REFUSED)} cases, {failed} differ")
    sys.exit(1 if failed else 0)


main()
