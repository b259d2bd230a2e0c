import CTesting
import Foundation
import Glibc

/// Starts programs.
///
/// Foundation's `Process` is used nowhere: where this process has more than some 1,300 descriptors open, `run()` reads beyond
/// the end of the list of them (swift-corelibs-foundation of Swift 6.3), and crashes when nothing is mapped there.
enum ProgramStart {
    /// Starts a program in a process group of its own, with no descriptors but the three streams.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - environment: all of it.
    ///   - folder: where it runs; nil for this process's.
    ///   - streams: standard input, output and errors.
    /// - Returns: the id of the process, which somebody must wait for.
    /// - Throws: `ProcessFailure` when it can't be started.
    static func start(
        _ path: String,
        arguments: [String],
        environment: [String: String],
        folder: String?,
        streams: [FileHandle]
    ) throws -> pid_t {
        // The null device has no descriptor to ask for.
        let descriptors = streams.map { $0 === FileHandle.nullDevice ? -1 : $0.fileDescriptor }
        var process: pid_t = 0
        let error = withCopies(of: [path] + arguments) { arguments in
            withCopies(of: environment.map { "\($0)=\($1)" }) { environment in
                testing_spawn(&process, path, folder, descriptors, arguments, environment)
            }
        }
        guard error == 0 else {
            throw ProcessFailure("\(path) could not be started: \(String(cString: strerror(error)))")
        }
        return process
    }

    private static func withCopies(
        of strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Int32
    ) -> Int32 {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
