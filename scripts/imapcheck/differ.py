"""Gives both servers the same sessions and tells what they came to."""
import collections
import re
import time
import traceback

from . import wire
from .comparing import Report, Session
from .side import shown


def run(ours, theirs, count, seed, most=20, each=3, verbose=False):
    """Runs sessions of the seeds from `seed` on; stops after so many differences that nothing explains."""
    report = Report()
    started = time.monotonic()
    for number in range(seed, seed + count):
        session, crashes = Session(number, ours, theirs, report), theirs.crashes()
        try:
            session.run()
        except wire.Gone as error:
            if error.args[0].startswith("dovecot") and theirs.has_crashed_more_than(crashes):
                report.crashes += 1
            else:
                report.unexplained.append((number, b"", ("broken",), repr(error), None, None, [], [], []))
        except (wire.Nonsense, OSError, ValueError, KeyError, IndexError, TypeError) as error:
            report.unexplained.append((number, b"", ("broken",), repr(error), None, None, [], [], []))
            if verbose:
                traceback.print_exc()
        session.tidy()
        if len(report.unexplained) >= most:
            break
    told = collections.Counter()
    for number, command, path, mine, other, message, our_lines, their_lines, why in report.unexplained:
        shape = tuple("n" if isinstance(step, int) else re.sub(r"[0-9.]+", "#", str(step)) for step in path)
        told[shape] += 1
        if told[shape] > each:
            continue
        print(f"--- seed {number}: {shown(command, 300)}\n    at {path}\n    martlet {shown(mine)}\n    dovecot {shown(other)}")
        for key, uid, is_ours, octets in why[:2]:
            print(f"    by {key}: UID {uid} found by {'martlet' if is_ours else 'dovecot'} alone: {shown(octets, 1200)}")
        if verbose:
            print(f"    message {shown(message, 1500)}")
            print(f"    martlet said {shown(our_lines, 2500)}\n    dovecot said {shown(their_lines, 2500)}")
    for name, number, command, lies in report.lies[:10]:
        print(f"--- seed {number}: {name} lied: {lies} at {shown(command, 200)}")
    if verbose:
        for group, times in report.groups.most_common(60):
            print(times, group)
    for name, times in sorted(report.explained.items()):
        print(f"    explained {times:6} {name}")
    seconds = time.monotonic() - started
    lies = [entry for entry in report.lies if entry[0] == "martlet"]
    print(f"differ: {report.sessions} sessions from seed {seed}, {report.commands} commands, "
          f"{sum(report.explained.values())} explained differences of {len(report.explained)} kinds, "
          f"{len(report.unexplained)} unexplained, {len(lies)} lies, {report.crashes} ended by a crash of Dovecot, {seconds:.0f} s")
    return 1 if report.unexplained or lies else 0
