import MailSyntax

extension MessageScanner {
    struct BoundaryMatch {
        /// Into `boundaries`.
        var index: Int
        var isClosing: Bool
    }

    /// The boundary that a line begins with. RFC 2046 §5.1.2 lets an outer boundary end inner parts; where one boundary
    /// is the beginning of another, the longest that fits counts, and an exact one before all.
    func match(_ line: UnsafeRawBufferPointer) -> BoundaryMatch? {
        guard line.count > 2, line[0] == 0x2D, line[1] == 0x2D else { return nil }
        var end = min(line.count, Self.lineWindow)
        while end > 2, line[end - 1] <= 32 { end -= 1 }
        let text = UnsafeRawBufferPointer(rebasing: line[2..<end])
        let dashed = text.count >= 2 && text[text.count - 1] == 0x2D && text[text.count - 2] == 0x2D
        var best: Int?
        for index in boundaries.indices.reversed() {
            let bytes = boundaries[index].bytes
            guard bytes.count <= text.count, text.starts(with: bytes) else { continue }
            if let known = best, boundaries[known].bytes.count >= bytes.count { continue }
            best = index
            if bytes.count == text.count || (dashed && bytes.count == text.count - 2) { break }
        }
        guard let best else { return nil }
        let rest = text.dropFirst(boundaries[best].bytes.count)
        return BoundaryMatch(index: best, isClosing: rest.starts(with: [0x2D, 0x2D]))
    }

    /// Ends the parts inside the one whose boundary this is; opens the next one unless it is the closing line.
    mutating func apply(_ match: BoundaryMatch) {
        let target = boundaries[match.index].node
        close(downTo: target, at: lineStart - lineEndBefore, lines: lineFeedsBefore - (lineEndBefore > 0 ? 1 : 0))
        boundaries.removeSubrange((match.isClosing ? match.index : match.index + 1)...)
        inHeader = false
        // A message cut off inside a boundary line has no part after it.
        if !match.isClosing, !isFinishing { openChild(of: target, kind: .part) }
    }

    /// Opens a part whose header begins at `offset`; false, and nothing happens, beyond the limit of parts.
    @discardableResult
    private mutating func openChild(of parent: Int, kind: HeaderReader.Kind) -> Bool {
        guard nodes.count < Self.maximumParts else { return false }
        var node = Node(parent: parent, depth: nodes[parent].depth + 1, kind: kind)
        node.part.headerRange = offset..<offset
        nodes[parent].children.append(nodes.count)
        current = nodes.count
        nodes.append(node)
        header.removeAll(keepingCapacity: true)
        inHeader = true
        return true
    }

    /// Closes the open parts below `target`; -1 closes all. `end` is where the innermost body ends, unless its header
    /// reaches further: the line end before a boundary can be the blank line of a header. `lines` counts the line feeds
    /// up to it.
    mutating func close(downTo target: Int, at end: Int, lines: Int) {
        var end = end
        var lines = lines
        while current != target, current >= 0 {
            let start = nodes[current].part.bodyRange.lowerBound
            if end < start { (end, lines) = (start, nodes[current].firstLine) }
            nodes[current].part.bodyRange = start..<end
            nodes[current].part.lineCount = max(0, lines - nodes[current].firstLine)
            sample.close(node: current, octets: end - start)
            current = nodes[current].parent
        }
    }

    /// The header of the open part ends at `offset`, where its body begins.
    mutating func endHeader() {
        let boundary = readHeader(end: offset)
        nodes[current].firstLine = lineFeeds
        let depth = nodes[current].depth
        inHeader = false
        if nodes[current].part.isMultipart {
            guard !boundary.isEmpty, depth < Self.maximumDepth else { return }
            boundaries.append(Boundary(node: current, bytes: boundary))
        } else if nodes[current].part.isMessage {
            guard depth < Self.maximumDepth else { return }
            openChild(of: current, kind: .message)
        } else if nodes[current].part.type == "text", sample.isWaiting {
            sample.start(node: current, part: nodes[current].part)
        }
    }

    /// The header of the open part was ended by a boundary: it has no body.
    mutating func cutHeader() {
        let start = nodes[current].part.headerRange.lowerBound
        _ = readHeader(end: max(start, lineStart - lineEndBefore))
        nodes[current].firstLine = lineFeedsBefore
    }

    /// Reads `header` into the open node; returns the boundary of its children.
    private mutating func readHeader(end: Int) -> [UInt8] {
        let start = nodes[current].part.headerRange.lowerBound
        let kind = nodes[current].kind
        var reader = HeaderReader()
        reader.addressesLeft = addressesLeft
        reader.read(header, kind: kind)
        addressesLeft = reader.addressesLeft
        applyDefaultType(&reader)
        reader.part.headerRange = start..<end
        reader.part.bodyRange = end..<end
        nodes[current].part = reader.part
        switch kind {
        case .mainMessage:
            mainHeader = header
            header = []
            mainEnvelope = reader.envelope
            mainReferences = reader.references
            receivedCount = reader.receivedCount
            headerComplete = true
        case .message:
            nodes[nodes[current].parent].part.embedded = MIMEPart.EmbeddedMessage(envelope: reader.envelope)
        case .part: break
        }
        header.removeAll(keepingCapacity: true)
        return reader.boundary
    }

    // RFC 2046 §5.1.5
    private func applyDefaultType(_ reader: inout HeaderReader) {
        guard !reader.hasContentType, nodes[current].kind == .part else { return }
        let parent = nodes[nodes[current].parent].part
        guard parent.isMultipart, parent.subtype == "digest" else { return }
        reader.part.type = "message"
        reader.part.subtype = "rfc822"
    }

    // MARK: Result

    mutating func makeIndex() -> MessageIndex {
        let envelope = mainEnvelope
        var references = mainReferences
        if let inReplyTo = envelope.inReplyTo { references += MessageIdentifiers.extract(inReplyTo) }
        return MessageIndex(
            headerBlock: mainHeader,
            envelope: envelope,
            structure: tree(0),
            size: offset,
            sentDate: envelope.date.flatMap { InternetDate.parse($0)?.0 },
            preview: sample.text(),
            references: MessageIdentifiers.unique(references),
            messageID: envelope.messageID.flatMap { MessageIdentifiers.single($0) }
        )
    }

    /// The node with its children; at most `maximumDepth` deep.
    private func tree(_ index: Int) -> MIMEPart {
        let node = nodes[index]
        var part = node.part
        part.children = node.children.map { tree($0) }
        if part.isMessage, part.children.isEmpty {
            // Beyond the limits, or cut off: IMAP's grammar still wants an inner message.
            var inner = MIMEPart()
            inner.headerRange = part.bodyRange.lowerBound..<part.bodyRange.lowerBound
            inner.bodyRange = part.bodyRange
            inner.lineCount = part.lineCount
            part.children = [inner]
        }
        if part.isMessage, part.embedded == nil { part.embedded = MIMEPart.EmbeddedMessage(envelope: Envelope()) }
        return part
    }
}
