package extension HeaderBlock {
    /// Without any field of that name.
    func removing(_ name: String) -> HeaderBlock {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var position = 0
        for field in fields where field.isNamed(name) {
            out += bytes[position..<field.range.lowerBound]
            position = field.range.upperBound
        }
        guard position > 0 else { return self }
        return HeaderBlock(parsing: out + bytes[position...])
    }

    /// With whole fields, CRLF included, put on top.
    func prepending(_ field: [UInt8]) -> HeaderBlock { HeaderBlock(parsing: field + bytes) }

    /// With the topmost field of that name given another value, spelling of the name kept; unchanged when there is
    /// none. The value is written as it is, after a blank.
    func replacingFirst(_ name: String, _ value: [UInt8]) -> HeaderBlock {
        guard let field = first(name) else { return self }
        let line = Array(field.name.utf8) + [0x3A, 0x20] + value + [13, 10]
        return HeaderBlock(parsing: bytes[..<field.range.lowerBound] + line + bytes[field.range.upperBound...])
    }

    /// With a field put below the last one.
    func appending(_ name: String, _ value: [UInt8]) -> HeaderBlock {
        let end = fields.last?.range.upperBound ?? 0
        var head = Array(bytes[..<end])
        if let last = head.last, last != 10 { head += [13, 10] }
        return HeaderBlock(parsing: head + Array(name.utf8) + [0x3A, 0x20] + value + [13, 10] + bytes[end...])
    }

    private init(parsing slice: ArraySlice<UInt8>) { self.init(parsing: Array(slice)) }
}
