import MailSyntax
import OutboundQueue
import Testing

@testable import SMTPDelivery

@Suite struct QueueOutlookTests {
    private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

    @Test func `the queue is read at first, and then when something is due`() {
        var outlook = QueueOutlook()
        var looks = [outlook.mustLook(now: at(0))]
        outlook.learn(at(60))
        looks += [outlook.mustLook(now: at(59)), outlook.mustLook(now: at(60))]
        outlook.learn(nil)
        looks.append(outlook.mustLook(now: at(9999)))
        outlook.forget()
        looks.append(outlook.mustLook(now: at(9999)))
        #expect(looks == [true, false, true, false, true])
    }

    @Test func `only what is due sooner concerns the scheduler`() {
        var outlook = QueueOutlook()
        // It has to read the queue anyway.
        var concerns = [outlook.hear(.due(at(5)))]
        _ = outlook.mustLook(now: at(0))
        outlook.learn(at(60))
        concerns += [outlook.hear(.due(at(70))), outlook.hear(.due(at(50)))]
        #expect(concerns == [false, false, true])
        #expect(outlook.next == at(50))
    }

    @Test func `what is heard while the queue is read is not forgotten`() {
        var outlook = QueueOutlook()
        _ = outlook.mustLook(now: at(0))
        _ = outlook.hear(.due(at(5)))
        outlook.learn(at(60))
        #expect(outlook.next == at(5))
        _ = outlook.mustLook(now: at(5))
        _ = outlook.hear(.news)
        outlook.learn(nil)
        let looks = outlook.mustLook(now: at(6))
        #expect(looks)
    }
}
