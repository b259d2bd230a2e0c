import MailMessage
import MilterCore
import NIOCore

enum MilterCoreFuzz {
    static let entries = [FuzzEntry("milter", milter)]

    /// What a milter sends: the same packets however it is cut, and changes that leave a header a header.
    static func milter(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let keepsSpace = input.choice(2) == 1
        let rest = input.remainder()
        let whole = packets(FuzzCuts.whole(rest))
        precondition(whole == packets(FuzzCuts.random(rest, seed: seed)), "cutting changes the packets")
        let options = MilterOptions(steps: keepsSpace ? .leadingSpace : [])
        var header = MilterHeader(HeaderBlock(parsing: Array("A: 1\r\nB: 2\r\n\r\n".utf8)))
        for packet in whole {
            if packet.letter == UInt8(ascii: "O") { _ = try? MilterOptions(answer: packet) }
            guard case .change(let change)? = try? MilterReply(packet, options) else { continue }
            header.apply(change)
            let bytes = header.bytes
            precondition(bytes.count == header.octets, "the size of a header is miscounted")
            // Values have nothing in them that could end the header or begin another field.
            precondition(HeaderBlock(parsing: bytes).bytes.count == bytes.count, "a change has ended the header")
        }
    }

    private static func packets(_ pieces: [[UInt8]]) -> [MilterPacket] {
        var framer = MilterFramer()
        var found: [MilterPacket] = []
        for piece in pieces {
            framer.append(ByteBuffer(bytes: piece))
            do {
                while let packet = try framer.next() { found.append(packet) }
            } catch {
                return found
            }
        }
        return found
    }
}
