/// How much one evaluation may cost.
package struct SPFLimits: Sendable, Hashable {
    /// Terms that ask the DNS: include, a, mx, ptr, exists, redirect. // RFC 7208 §4.6.4
    package var lookups: Int
    /// Questions of terms without a record in the answer. // RFC 7208 §4.6.4
    package var voidLookups: Int
    /// Hosts of one mx term; with more it is an error of the domain's. // RFC 7208 §4.6.4
    package var exchanges: Int
    /// Names of the client that are looked at; others are ignored, for they are not the domain's doing.
    /// RFC 7208 §4.6.4
    package var reverseNames: Int
    /// Octets of a record; longer ones are permanent errors.
    package var recordSize: Int
    /// Octets of an explanation; the rest is cut off. // RFC 7208 §6.2
    package var explanationSize: Int
    /// Steps that are written down; 0 where nobody will read them.
    package var steps: Int

    package init(
        lookups: Int = 10, voidLookups: Int = 2, exchanges: Int = 10, reverseNames: Int = 10, recordSize: Int = 65_535,
        explanationSize: Int = 500, steps: Int = 200
    ) {
        self.lookups = lookups
        self.voidLookups = voidLookups
        self.exchanges = exchanges
        self.reverseNames = reverseNames
        self.recordSize = recordSize
        self.explanationSize = explanationSize
        self.steps = steps
    }
}
