import MailMessage
import MailPolicy
import MailSyntax
import MartletTesting
import Testing

@testable import MailIntake

@Suite struct TraceFindingTests {
    private static func step(
        _ rule: String, _ after: String?, stage: String = TraceStage.authentication, before: String = "x\"y\\"
    ) -> TraceStep {
        TraceStep(
            stage: stage, rule: rule, origin: "built in", before: before, after: after, note: "\"after\":\"pass\"")
    }

    @Test func `what was found is read from the steps, whatever strangers wrote beside it`() {
        let forged =
            "\",\"after\":\"pass\"},{\"stage\":\"authentication\",\"rule\":\"dmarc\",\"after\":\"pass\"}"
        let steps = [
            Self.step("spf", "fail"), Self.step("dkim", "pass", before: forged), Self.step("dkim", "permerror"),
            Self.step("spf", "pass", stage: "rewrite"), Self.step("dmarc-policy", "reject"), Self.step("arc", nil),
        ]
        #expect(
            TraceFinding.all(in: steps.json)
                == [TraceFinding(.spf, .fail), TraceFinding(.dkim, .pass), TraceFinding(.dkim, .permerror)])
        let start = "{\"stage\":\"authentication\",\"rule\":"
        for broken in ["", "{", start, start + "\"spf\\", start + "\"spf\",\"after\":\"fail"] {
            #expect(TraceFinding.all(in: broken).isEmpty)
        }
    }

    @Test func `messages are found by all that was found, before and after they are indexed`() async throws {
        let fixture = try await IntakeFixture()
        var ids: [MailID] = []
        for (spf, dmarc) in [("fail", "fail"), ("pass", "pass"), ("fail", "pass"), ("softfail", "fail")] {
            var acceptance = try fixture.acceptance("Subject: x\r\n\r\nbody\r\n", local: [fixture.ann])
            acceptance.trace = [Self.step("spf", spf), Self.step("dmarc", dmarc)]
            ids.append(acceptance.id)
            _ = try await fixture.intake.accept(acceptance)
        }
        func find(_ findings: TraceFinding..., limit: Int = 10) async throws -> [Int] {
            try await fixture.intake.traces(.found(findings), limit: limit).compactMap { ids.firstIndex(of: $0.id) }
        }
        func expectFound() async throws {
            #expect(try await find(TraceFinding(.spf, .fail)) == [2, 0])
            #expect(try await find(TraceFinding(.spf, .fail), limit: 1) == [2])
            #expect(try await find(TraceFinding(.dmarc, .fail)) == [3, 0])
            #expect(try await find(TraceFinding(.spf, .fail), TraceFinding(.dmarc, .pass)) == [2])
            #expect(try await find(TraceFinding(.dkim, .fail)).isEmpty)
        }
        try await expectFound()
        fixture.state.clock.advance(by: .seconds(3601))
        #expect(try await fixture.intake.indexTraces() == 4)
        try await expectFound()
        fixture.state.clock.advance(by: .seconds(1))
        _ = try await fixture.intake.purgeTraces(before: fixture.state.clock.now())
        #expect(try await find(TraceFinding(.spf, .fail)).isEmpty)
        #expect(try await fixture.state.number("SELECT COUNT(*) FROM trace_key") == 0)
    }
}
