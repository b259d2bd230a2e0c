/// Filled in with the signature index.
package final class SearchIndex: Sendable {
    func enqueue(_ email: EmailID) {}
}
