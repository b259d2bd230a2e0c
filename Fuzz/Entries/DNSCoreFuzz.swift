import DNSCore

enum DNSCoreFuzz {
    static let entries = [FuzzEntry("dns-rdata", rdata)]

    static func rdata(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let types: [DNSRecordType] = [.a, .aaaa, .ns, .cname, .ptr, .mx, .txt, .srv, .tlsa]
        let type = types[input.choice(types.count)]
        switch RecordData.parse(input.remainder(), type: type) {
        case .nameServer(let name)?, .canonicalName(let name)?, .pointer(let name)?:
            precondition(name.utf8.count <= 1020 && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a name")
        default: break
        }
    }
}
