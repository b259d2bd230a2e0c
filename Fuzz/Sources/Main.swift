import Glibc

/// libFuzzer's own main function, which calls back for each input. The pointers are those of `main`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// `MartletFuzz TARGET [libFuzzer's arguments]`, or `MartletFuzz --list`.
@main
enum Main {
    static let entries =
        MailSyntaxFuzz.entries + MailMessageFuzz.entries + SMTPCoreFuzz.entries + SMTPDeliveryFuzz.entries
        + IMAPCoreFuzz.entries + POP3CoreFuzz.entries + SASLCoreFuzz.entries + MailAuthFuzz.entries
        + DNSCoreFuzz.entries + MailConfigFuzz.entries + MailPolicyFuzz.entries + MilterCoreFuzz.entries
        + NetTransportFuzz.entries
        + DirectoryFuzz.entries + ArchivesFuzz.entries + WebServerFuzz.entries

    /// The one that was asked for; a C callback can capture nothing.
    static let entry = CommandLine.arguments.dropFirst().first.flatMap { name in entries.first { $0.name == name } }

    static func main() {
        guard entry != nil else {
            print(entries.map(\.name).joined(separator: "\n"))
            exit(CommandLine.arguments.dropFirst().first == "--list" ? 0 : 64)
        }
        // The target's name is not for libFuzzer.
        var count = CommandLine.argc - 1
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        exit(
            runDriver(&count, &arguments) { octets, count in
                Main.entry?.run(Array(UnsafeBufferPointer(start: octets, count: count)))
                return 0
            })
    }
}
