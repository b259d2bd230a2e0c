import Foundation

/// What costs are measured of, for `scripts/bench`. Means something in a release build alone.
///
///     MartletBench verification          one RSA-2048 signature on 10 KiB, beside the library's bare arithmetic
///     MartletBench signing               the same
///     MartletBench checks                SPF, DKIM, ARC, DMARC and iprev of one message, with answers that are known
///     MartletBench message SIZE FOLDER   a signed and sealed message, and the records of its domains
///
/// Prints `NAME VALUE` lines.
@main
struct Main {
    static func main() async {
        let words = CommandLine.arguments.dropFirst()
        do {
            switch (words.first, words.count) {
            case ("verification", 1): try Signatures.verification()
            case ("signing", 1): try Signatures.signing()
            case ("checks", 1): try await Checks.run()
            case ("message", 3):
                guard let size = Int(words.dropFirst().first ?? ""), let folder = words.last else { fallthrough }
                try Specimen(octets: size).write(to: folder)
            default:
                say("usage: MartletBench verification | signing | checks | message SIZE FOLDER")
                exit(64)
            }
        } catch {
            say("MartletBench: \(error)")
            exit(1)
        }
    }

    private static func say(_ text: String) {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }
}

/// What went wrong: a check that should pass did not.
struct BenchError: Error, CustomStringConvertible {
    let description: String
}

/// CPU time.
enum Stopwatch {
    enum Of {
        case thread, process
    }

    static func seconds(_ of: Of) -> Double {
        var time = timespec()
        clock_gettime(of == .thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
