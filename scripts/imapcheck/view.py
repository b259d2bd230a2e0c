"""What a session knows of the selected mailbox, by what it is told."""


class View:
    """A session's own list of the selected mailbox, kept by what the server says alone."""

    def __init__(self, by_uid=False):
        self.by_uid = by_uid  # messages have no numbers (RFC 9586): those whose UIDs were not told yet stand at the end
        self.uids = []
        self.unknown = 0  # messages at the end whose UIDs were not told yet
        self.lies = []

    @property
    def count(self):
        return len(self.uids) + self.unknown

    def reset(self, count=0):
        self.uids, self.unknown = [], count

    def learn(self, number, uid):
        if not 1 <= number <= self.count:
            self.lies.append(f"FETCH {number} of {self.count} messages")
        elif number <= len(self.uids):
            if self.uids[number - 1] not in (uid, None):
                self.lies.append(f"message {number} has UID {self.uids[number - 1]}, FETCH says {uid}")
            self.uids[number - 1] = uid
        else:
            self.uids += [None] * (number - len(self.uids))
            self.uids[number - 1] = uid
            self.unknown = max(0, self.count - len(self.uids)) if self.unknown else 0

    def learn_uid(self, uid):
        if uid in self.uids:
            return
        if None not in self.uids:
            self.lies.append(f"UIDFETCH {uid}, which none of {self.count} messages can be")
            return
        self.uids.remove(None)
        self.uids = sorted([known for known in self.uids if known is not None] + [uid]) + [None] * self.uids.count(None)

    def exists(self, count):
        if count < self.count:
            self.lies.append(f"EXISTS {count} after {self.count} without EXPUNGE")
        self.uids += [None] * (count - len(self.uids))
        self.unknown = 0

    def expunge(self, number):
        if not 1 <= number <= len(self.uids):
            self.lies.append(f"EXPUNGE {number} of {len(self.uids)} messages")
            return None
        return self.uids.pop(number - 1)

    def vanish(self, uids):
        """Takes away what VANISHED names; one whose UID was not told is of the messages between its neighbours."""
        unknown = uids - set(self.uids)
        self.uids = [uid for uid in self.uids if uid is None or uid not in uids]
        for uid in unknown:
            if self.by_uid and None in self.uids:
                self.uids.remove(None)
                continue
            place = next((index for index, other in enumerate(self.uids) if other is not None and other > uid), len(self.uids))
            if place == 0 or self.uids[place - 1] is not None:
                self.lies.append(f"VANISHED {sorted(uids)[:10]} names {uid}, which was never there")
                return
            self.uids.pop(place - 1)
