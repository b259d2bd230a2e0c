// Replaced as the suite fills.
