import IMAPCore
import Testing

@testable import IMAPServer

@Suite("What ENABLE switches on")
struct EnabledExtensionsTests {
    @Test("only what was off and is offered is told, in any case of letters, once")
    func told() {
        var enabled: EnabledExtensions = []
        #expect(enabled.enable(["x-nothing", "condstore", "CONDSTORE"]) == ["CONDSTORE"])
        #expect(enabled.contains(.condstore))
        #expect(enabled.enable(["CONDSTORE", "X-NOTHING"]).isEmpty)
    }

    @Test("names are UTF-8 once the client has said that it reads them so")
    func names() {
        #expect(EnabledExtensions.condstore.nameEncoding == .modifiedUTF7)
        #expect(EnabledExtensions.utf8Accept.nameEncoding == .utf8)
        #expect(EnabledExtensions([.imap4rev2, .condstore]).nameEncoding == .utf8)
    }
}
