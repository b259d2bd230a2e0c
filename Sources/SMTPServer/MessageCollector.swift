import Blobs
import MailAuth
import MailMessage
import NIOCore

/// Takes a message piece by piece: scanned as it comes, small ones in memory, the body of large ones in a temporary.
struct MessageCollector {
    enum Fault {
        case headerTooBig
        case bareLineEnding
        /// The temporary could not be written.
        case spool(any Error)
    }

    private let memoryLimit: Int
    private let headerLimit: Int
    private let isBinary: Bool
    private let makeSpool: () throws -> SpoolFile
    private var gate = HeaderGate()
    private var scanner = MessageScanner()
    private var memory: [UInt8] = []
    private var spool: SpoolFile?
    private var lastTwo: (UInt8, UInt8) = (13, 10)
    /// Sees the message as it comes; nil where nobody verifies signatures.
    var tap: SignatureTap?
    private(set) var octets = 0
    private(set) var fault: Fault?

    /// - Parameter isBinary: below the header every octet is kept as it is.
    init(
        memoryLimit: Int, headerLimit: Int, isBinary: Bool = false, makeSpool: @escaping () throws -> SpoolFile
    ) {
        self.isBinary = isBinary
        self.memoryLimit = memoryLimit
        self.headerLimit = headerLimit
        self.makeSpool = makeSpool
    }

    var receivedCount: Int { scanner.receivedCount }

    /// Takes the next piece. What goes to the temporary is written off the caller's executor: a session runs on its
    /// connection's event loop, where a write that waits for the disk would hold up every other connection.
    mutating func append(_ piece: ByteBuffer) async {
        guard fault == nil, piece.readableBytes > 0 else { return }
        if spool == nil, memory.count + piece.readableBytes <= memoryLimit {
            piece.withUnsafeReadableBytes { take($0) }
        } else {
            await withTaskExecutorPreference(globalConcurrentExecutor) { piece.withUnsafeReadableBytes { take($0) } }
        }
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer) {
        if !gate.isOver, let passed = gate.pass(bytes) {
            passed.withUnsafeBytes { append($0) }
        } else {
            append(bytes)
        }
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let last = bytes.last else { return }
        lastTwo = (bytes.count > 1 ? bytes[bytes.count - 2] : lastTwo.1, last)
        octets += bytes.count
        scanner.consume(bytes)
        guard scanner.headerOctets <= headerLimit else {
            fail(.headerTooBig)
            return
        }
        if tap?.hasHeader == true { tap?.body(bytes) }
        do {
            if let spool {
                try spool.append(bytes)
            } else {
                memory.append(contentsOf: bytes)
                if tap?.hasHeader == false, scanner.headerComplete { showHeader() }
                if memory.count > memoryLimit, scanner.headerComplete { try spill() }
            }
        } catch {
            fail(.spool(error))
        }
    }

    /// Shows the tap the header, and what has come of the body.
    private mutating func showHeader() {
        let headerOctets = min(scanner.headerOctets, memory.count)
        tap?.headerEnded(memory[..<headerOctets])
        memory.withUnsafeBytes { tap?.body(UnsafeRawBufferPointer(rebasing: $0[headerOctets...])) }
    }

    private mutating func spill() throws {
        let file = try makeSpool()
        let headerOctets = min(scanner.headerOctets, memory.count)
        try memory.withUnsafeBytes { try file.append(UnsafeRawBufferPointer(rebasing: $0[headerOctets...])) }
        memory = Array(memory[..<headerOctets])
        spool = file
    }

    private mutating func fail(_ fault: Fault) {
        self.fault = fault
        memory = []
        spool = nil
    }

    /// Ends the message. A last line without CR LF gets one, unless it is binary.
    mutating func finish() -> CollectedMessage? {
        if fault == nil { gate.finish().withUnsafeBytes { append($0) } }
        if fault == nil, !isBinary || !scanner.headerComplete {  // RFC 3030 §3
            if lastTwo.1 == 13 { fail(.bareLineEnding) }
            if lastTwo != (13, 10) { [UInt8](arrayLiteral: 13, 10).withUnsafeBytes { append($0) } }
        }
        guard fault == nil else { return nil }
        let index = scanner.finish()
        let header = index.headerBlock
        tap?.headerEnded(header[...])
        let signatures = tap?.finish()
        guard let spool else {
            let body = CollectedMessage.Body.memory(memory, from: header.count)
            return CollectedMessage(index: index, body: body, repairs: gate.repairs, signatures: signatures)
        }
        return CollectedMessage(index: index, body: .spool(spool), repairs: gate.repairs, signatures: signatures)
    }
}

/// A whole message: its index, whose header block is the header, and the rest.
struct CollectedMessage {
    enum Body {
        /// The message as it came; its body begins at an offset.
        case memory([UInt8], from: Int)
        case spool(SpoolFile)
    }

    var index: MessageIndex
    var body: Body
    /// What was done to the header as it came in, in words.
    var repairs: [String]
    /// Has seen the message as it came; nil where nobody verifies signatures.
    var signatures: DKIMVerifier?

    /// The content with `prefix` on top of its header.
    func content(prefix: [UInt8]) -> BlobContent {
        switch body {
        case .memory(let bytes, let start):
            let text = bytes.dropFirst(start)
            var whole: [UInt8] = []
            whole.reserveCapacity(prefix.count + index.headerBlock.count + text.count)
            whole += prefix
            whole += index.headerBlock
            whole += text
            return .bytes(whole)
        case .spool(let spool):
            return .joined(prefix: prefix + index.headerBlock, spool: spool)
        }
    }
}
