import DNSCore

/// What is asked, so written that the same question is always equal to itself.
struct DNSQuestion: Sendable, Hashable {
    /// In lower case, without the final dot. // RFC 4343 §3
    let name: String
    let type: DNSRecordType

    /// nil unless the name is printable ASCII of a possible length without empty labels: anything else could be cut or
    /// misread on its way through C.
    init?(_ name: String, _ type: DNSRecordType) {
        var name = name[...]
        if name.utf8.last == UInt8(ascii: ".") { name = name.dropLast() }
        // Escapes make four characters of an octet. // RFC 1035 §2.3.4
        guard (1...1020).contains(name.utf8.count) else { return nil }
        var hasCapitals = false
        var last = UInt8(ascii: ".")
        for octet in name.utf8 {
            guard (0x21...0x7E).contains(octet), octet != UInt8(ascii: ".") || last != octet else { return nil }
            if (0x41...0x5A).contains(octet) { hasCapitals = true }
            last = octet
        }
        guard last != UInt8(ascii: ".") else { return nil }
        self.name = hasCapitals ? name.lowercased() : String(name)
        self.type = type
    }

    /// The end of the name that one owner is likely to answer for: two labels, or the network of a reverse name.
    var neighbourhood: Substring {
        let wanted = name.hasSuffix(".arpa") ? 4 : 2
        var start = name.utf8.endIndex
        var labels = 1
        while start > name.utf8.startIndex {
            let before = name.utf8.index(before: start)
            if name.utf8[before] == UInt8(ascii: ".") {
                guard labels < wanted else { break }
                labels += 1
            }
            start = before
        }
        return name[start...]
    }
}
