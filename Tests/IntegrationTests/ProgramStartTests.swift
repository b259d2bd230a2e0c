import Glibc
import MartletTesting
import Testing

/// The harness itself: what the other suites start their peers with.
@Suite(.serialized) struct ProgramStartTests {
    @Test func `a program starts beside thousands of descriptors, and gets none of them`() async throws {
        // More than a buffer of the C library holds of /proc/self/fd, and not to be closed by themselves.
        var opened: [Int32] = []
        for _ in 0..<3000 {
            let descriptor = open("/dev/null", O_RDONLY)
            guard descriptor >= 0 else { break }
            opened.append(descriptor)
        }
        defer { for descriptor in opened { close(descriptor) } }
        // 3 is what `ls` reads the folder by.
        for _ in 0..<20 {
            let result = try await ProcessRunner.run(["ls", "/proc/self/fd"])
            #expect(result.succeeded && result.output == "0\n1\n2\n3\n", "\(result)")
        }
    }

    @Test func `input, environment, folder and both outputs reach a program`() async throws {
        let script = "cat; echo \"$MARTLET_TESTED $PWD\"; echo no >&2; exit 3"
        let result = try await ProcessRunner.run(
            ["sh", "-c", script], input: "hello\n", environment: ["MARTLET_TESTED": "yes"], folder: "/usr")
        #expect(result.status == 3 && result.output == "hello\nyes /usr\n" && result.errors == "no\n", "\(result)")
    }

    @Test func `a program that a signal ends, that takes too long or isn't there is told apart`() async throws {
        #expect(try await ProcessRunner.run(["sh", "-c", "kill -TERM $$"]).status == 128 + Int(SIGTERM))
        let late = try await ProcessRunner.run(["sleep", "1000"], timeout: .milliseconds(50))
        #expect(late.timedOut && late.status == 128 + Int(SIGKILL))
        await #expect(throws: ProcessFailure.self) { try await ProcessRunner.run(["/nonexistent/program"]) }
        await #expect(throws: ProcessFailure.self) { try await ProcessRunner.run(["ls"], folder: "/nonexistent") }
    }

    @Test func `a program can be ended by SIGTERM, and by a pipe that nobody reads`() async throws {
        let child = try ChildProcess.start(["sleep", "1000"])
        #expect(child.isRunning)
        child.signal(SIGTERM)
        #expect(await child.waitForExit(.seconds(60)))
        #expect(child.status == 128 + Int(SIGTERM))
        let pipe = try await ProcessRunner.run(["bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}"])
        #expect(pipe.output == "y\n\(128 + SIGPIPE)\n", "\(pipe)")
    }
}
