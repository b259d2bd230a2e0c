/// Signatures of many messages turned by a quarter: a row for each bit, with a place for each message.
///
/// Whether any of them may have a gram is one row of 64 octets instead of a bit of each signature, so a search reads a few
/// kilobytes for hundreds of messages. Rows are kept in slices of equal size.
struct SignatureBlock {
    static let sliceOctets = 4096
    /// Messages of a block at most.
    static let widestRow = 512

    /// Bits of each signature.
    let width: Int

    /// Messages of a block: fewer where signatures are large, so that a block is 4 MiB at most.
    var columns: Int { max(32, min(Self.widestRow, (1 << 25) / width)) }
    var rowOctets: Int { columns / 8 }
    var rowsInSlice: Int { Self.sliceOctets / rowOctets }
    var sliceCount: Int { (width + rowsInSlice - 1) / rowsInSlice }

    /// The slice that holds the row of a gram, and where it begins there.
    func place(of gram: UInt32) -> (slice: Int, offset: Int) {
        let bit = Int(gram & UInt32(truncatingIfNeeded: width - 1))
        return (bit / rowsInSlice, bit % rowsInSlice * rowOctets)
    }

    /// The slices of signatures, which are `columns` at most, each of `width` bits.
    func slices(of signatures: [[UInt8]]) -> [[UInt8]] {
        var slices = [[UInt8]](
            repeating: [UInt8](repeating: 0, count: Self.sliceOctets), count: sliceCount)
        for (column, signature) in signatures.prefix(columns).enumerated() where signature.count * 8 == width {
            let octet = column >> 3
            let mask = UInt8(1) << UInt8(column & 7)
            for (index, byte) in signature.enumerated() where byte != 0 {
                var rest = byte
                while rest != 0 {
                    let bit = index * 8 + rest.trailingZeroBitCount
                    slices[bit / rowsInSlice][bit % rowsInSlice * rowOctets + octet] |= mask
                    rest &= rest &- 1
                }
            }
        }
        return slices
    }

    /// The signature of one column, from all slices in order.
    func signature(_ column: Int, from slices: [[UInt8]]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: width / 8)
        let octet = column >> 3
        let mask = UInt8(1) << UInt8(column & 7)
        for bit in 0..<width {
            let slice = bit / rowsInSlice
            let place = bit % rowsInSlice * rowOctets + octet
            guard slice < slices.count, place < slices[slice].count else { continue }
            if slices[slice][place] & mask != 0 { signature[bit >> 3] |= 1 << UInt8(bit & 7) }
        }
        return signature
    }
}
