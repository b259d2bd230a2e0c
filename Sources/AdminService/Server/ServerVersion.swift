/// The program's version, as `--version`, the log and the status show it; never told to a peer.
package enum ServerVersion {
    package static let text = "0.1.0"
}
