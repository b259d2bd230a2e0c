import Directory
import MailMessage
import SQLEngine

/// Signatures of one account and size, which may share a block.
struct SignatureClass: Hashable, Sendable {
    let account: AccountID
    let width: Int
}

/// A block's row.
struct BlockRow: Sendable {
    let id: Int64
    let account: AccountID
    let width: Int
    /// Ascending; the place of each is its column.
    let emails: [EmailID]

    /// Slices of a block are numbered from here: a block has 2^17 at most.
    var firstSlice: Int64 { id << 20 }
}

extension SearchIndex {
    /// Turns as many signatures as fill blocks.
    func buildBlocks(_ size: SignatureClass) async throws {
        let block = SignatureBlock(width: size.width)
        while true {
            let waiting = try await index.read { reader in
                try reader.first(SearchIndexStatements.countSignatures, size.account, size.width) { $0.int(0) } ?? 0
            }
            guard waiting >= block.columns else { return }
            let rows = try await index.read { reader in
                try reader.query(
                    SearchIndexStatements.signatures, size.account, size.width, block.columns
                ) { (EmailID(rawValue: $0.int64(0)), $0.bytes(1)) }
            }
            guard rows.count >= block.columns else { return }
            let slices = await Self.turned(block, rows.map(\.1))
            let emails = rows.map(\.0)
            try await index.write(.bulk) { writer in
                guard let first = emails.first, let last = emails.last else { return }
                let id = try writer.first(
                    SearchIndexStatements.insertBlock, size.account, size.width, first, last, BlockRow.pack(emails)
                ) { $0.int64(0) }
                guard let id else { return }
                for (number, slice) in slices.enumerated() {
                    try writer.execute(SearchIndexStatements.insertSlice, (id << 20) + Int64(number), slice)
                }
                for email in emails {
                    try writer.execute(SearchIndexStatements.deleteSignature, size.account, size.width, email)
                }
            }
        }
    }

    @concurrent
    private static func turned(_ block: SignatureBlock, _ signatures: [[UInt8]]) async -> [[UInt8]] {
        block.slices(of: signatures)
    }

    /// The blocks of an account.
    func blocks(_ account: AccountID) async throws -> [BlockRow] {
        try await index.read { reader in
            try reader.query(SearchIndexStatements.blocks, account, Int64.min, Int64.max) { BlockRow($0, account) }
        }
    }

    func delete(_ block: BlockRow) async throws {
        let slices = SignatureBlock(width: block.width).sliceCount
        try await index.write(.bulk) { writer in
            try writer.execute(SearchIndexStatements.deleteBlock, block.id)
            try writer.execute(
                SearchIndexStatements.deleteSlices, block.firstSlice, block.firstSlice + Int64(slices))
        }
    }

    /// Takes blocks apart of which half the messages are gone; what is left of them stands alone again.
    func dissolveSparseBlocks(_ account: AccountID) async throws {
        for block in try await blocks(account) {
            let alive = try await index.read { reader in
                try block.emails.filter { email in
                    try reader.first(SearchIndexStatements.isKnown, account, email, map: { _ in true }) != nil
                }
            }
            guard alive.count * 2 < block.emails.count else { continue }
            let shape = SignatureBlock(width: block.width)
            let slices = try await index.read { reader in
                try reader.query(
                    SearchIndexStatements.slices, block.firstSlice, block.firstSlice + Int64(shape.sliceCount)
                ) { $0.bytes(1) }
            }
            let left = Set(alive)
            let signatures = block.emails.enumerated().compactMap { column, email in
                left.contains(email) ? (email, shape.signature(column, from: slices)) : nil
            }
            try await index.write(.bulk) { writer in
                for (email, bits) in signatures {
                    try writer.execute(SearchIndexStatements.insertSignature, account, block.width, email, bits)
                }
            }
            try await delete(block)
        }
    }

    /// Which messages may contain a needle.
    ///
    /// - Parameters:
    ///   - emails: ascending.
    ///   - grams: of the needle; none ask for nothing.
    /// - Returns: false only for those that can't contain it, in the order of `emails`.
    func mayContain(_ account: AccountID, _ emails: [EmailID], _ grams: [UInt32]) async throws -> [Bool] {
        guard let first = emails.first, let last = emails.last, !grams.isEmpty else {
            return [Bool](repeating: true, count: emails.count)
        }
        return try await index.read { reader in
            var verdict = [Bool](repeating: true, count: emails.count)
            let blocks = try reader.query(SearchIndexStatements.blocks, account, first, last) { BlockRow($0, account) }
            for block in blocks {
                let hits = try Self.hits(reader, block, grams)
                Self.forEachShared(emails, block.emails) { place, column in
                    verdict[place] = hits[column >> 6] & (1 << UInt64(column & 63)) != 0
                }
            }
            for width in Self.widths {
                var place = 0
                try reader.forEach(SearchIndexStatements.signatureRange, binds: [account, width, first, last]) { row in
                    let email = EmailID(rawValue: row.int64(0))
                    while place < emails.count, emails[place] < email { place += 1 }
                    guard place < emails.count, emails[place] == email else { return }
                    let found = row.withBytes(1) { TextSignature.mayContain($0, grams) }
                    while place < emails.count, emails[place] == email {
                        verdict[place] = found
                        place += 1
                    }
                }
            }
            return verdict
        }
    }

    /// The columns of a block that have every gram.
    private static func hits(
        _ reader: any SQLReader, _ block: BlockRow, _ grams: [UInt32]
    ) throws -> [UInt64] {
        let shape = SignatureBlock(width: block.width)
        var hits = [UInt64](repeating: .max, count: (SignatureBlock.widestRow + 63) / 64)
        for gram in grams {
            let (slice, offset) = shape.place(of: gram)
            var isThere = false
            try reader.forEach(SearchIndexStatements.slice, binds: [block.firstSlice + Int64(slice)]) { row in
                isThere = true
                row.withBytes(0) { bytes in
                    guard offset + shape.rowOctets <= bytes.count else { return }
                    for octet in 0..<shape.rowOctets where bytes[offset + octet] != 0xFF {
                        hits[octet >> 3] &= ~(UInt64(~bytes[offset + octet]) << UInt64((octet & 7) * 8))
                    }
                }
            }
            // A slice that is missing rules nothing out.
            guard isThere else { continue }
            if hits[..<((shape.columns + 63) / 64)].allSatisfy({ $0 == 0 }) { break }
        }
        return hits
    }

    /// Finds what two ascending lists share; the first may have one several times.
    private static func forEachShared(
        _ wanted: [EmailID], _ there: [EmailID], _ body: (Int, Int) -> Void
    ) {
        guard let first = there.first else { return }
        var low = 0
        var high = wanted.count
        while low < high {
            let middle = low + (high - low) / 2
            if wanted[middle] < first { low = middle + 1 } else { high = middle }
        }
        var column = 0
        while low < wanted.count, column < there.count {
            if wanted[low] < there[column] {
                low += 1
            } else if there[column] < wanted[low] {
                column += 1
            } else {
                body(low, column)
                low += 1
            }
        }
    }
}

extension BlockRow {
    init(_ row: borrowing SQLRow, _ account: AccountID) {
        id = row.int64(0)
        self.account = account
        width = row.int(1)
        emails = row.withBytes(2) { bytes in
            (0..<(bytes.count / 8)).map { place in
                EmailID(rawValue: Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: place * 8, as: Int64.self)))
            }
        }
    }

    static func pack(_ emails: [EmailID]) -> [UInt8] {
        emails.flatMap { email in withUnsafeBytes(of: email.rawValue.littleEndian) { Array($0) } }
    }
}
