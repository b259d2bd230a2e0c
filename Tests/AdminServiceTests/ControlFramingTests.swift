import Testing

@testable import AdminService

@Suite struct ControlFramingTests {
    private let bodies: [[UInt8]] = [[], [1], Array(repeating: 7, count: 300), Array("{\"status\":{}}".utf8)]

    @Test func `frames come out whole at every split`() throws {
        let stream = bodies.flatMap { ControlFraming.frame($0) }
        for split in 0...stream.count {
            var framer = ControlFramer(limit: 300)
            var found: [[UInt8]] = []
            for part in [stream[..<split], stream[split...]] {
                framer.append(part)
                while let body = try framer.next() { found.append(body) }
            }
            #expect(found == bodies)
        }
    }

    @Test func `frames come out whole byte by byte`() throws {
        var framer = ControlFramer(limit: 300)
        var found: [[UInt8]] = []
        for byte in bodies.flatMap({ ControlFraming.frame($0) }) {
            framer.append([byte])
            while let body = try framer.next() { found.append(body) }
        }
        #expect(found == bodies)
    }

    @Test func `a body over the limit is refused before it is read`() throws {
        var framer = ControlFramer(limit: 299)
        framer.append(ControlFraming.frame(Array(repeating: 7, count: 300)).prefix(4))
        #expect(throws: ControlFraming.FramingError.tooLong(300)) { try framer.next() }
        var huge = ControlFramer(limit: 299)
        huge.append([0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: ControlFraming.FramingError.self) { try huge.next() }
    }

    @Test(arguments: [
        AdminRequest.status,
        .accountAdd(address: "a@b.c", password: "p\u{0}ä\"", name: nil, quota: 5),
        .aliasRemove(address: "a@b.c", targets: []),
        .dkimAdd(domain: "b.c", selector: nil, algorithms: ["rsa"]),
        .queueChange(.retry, QueueFilter(ids: ["0", "1"])),
        .selfTestBegin(address: nil, sinkPort: 1025),
    ])
    func `requests survive the way`(request: AdminRequest) throws {
        let bytes = try ControlCoding.encode(request)
        #expect(try ControlCoding.decode(AdminRequest.self, from: bytes) == request)
    }

    @Test func `errors survive the way`() throws {
        let response = AdminResponse.failed(AdminError(.noUser, "no", remedy: "yes"))
        #expect(try ControlCoding.decode(AdminResponse.self, from: try ControlCoding.encode(response)) == response)
    }
}
