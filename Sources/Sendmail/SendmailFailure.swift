import CLinux
import Glibc

/// Why mail was not taken, with the exit code of sysexits.h that programs look at.
package struct SendmailFailure: Error, Sendable, Equatable {
    package enum Status: Int32, Sendable {
        case usage = 64
        case data = 65
        case noUser = 67
        case unavailable = 69
        case software = 70
        case ioError = 74
        case temporary = 75
        case noPermission = 77
        case config = 78
    }

    package var status: Status
    /// One sentence for standard error.
    package var text: String

    package init(_ status: Status, _ text: String) {
        self.status = status
        self.text = text
    }
}

/// The last error of the system in words.
func systemWords() -> String { String(cString: strerror(errno)) }

func linuxTemporary(_ folder: String) -> Int32 { linux_open_temporary(folder) }

/// Writes all; false with `errno` set when it can't be.
func writeAll(_ descriptor: Int32, _ bytes: some Sequence<UInt8>) -> Bool {
    let bytes = Array(bytes)
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
            let rest = UnsafeRawBufferPointer(rebasing: buffer.dropFirst(done))
            return Glibc.write(descriptor, rest.baseAddress, rest.count)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        done += count
    }
    return true
}
