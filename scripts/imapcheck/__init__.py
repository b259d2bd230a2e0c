"""What scripts/differ and scripts/chaos sessions share: an IMAP connection by hand, a parser of responses, servers."""
