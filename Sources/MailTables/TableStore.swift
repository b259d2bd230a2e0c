package import MailConfig
package import MailPolicy
import Synchronization

/// The tables in force: answers the `table` questions of decisions.
package final class TableStore: Sendable {
    private let state: Mutex<TableSet>

    package init(_ set: TableSet = TableSet()) {
        state = Mutex(set)
    }

    /// Takes other tables into force; questions under way are answered by those before.
    package func install(_ set: TableSet) {
        state.withLock { $0 = set }
    }

    /// What the first of the purpose's tables that has the key has for it.
    ///
    /// - Returns: `.table`, or `.unavailable` where a table that comes before any with an answer can't be asked.
    package func answer(_ purpose: TablePurpose, key: String, isWhole: Bool) async -> Answer {
        for node in nodes(purpose) {
            do throws(TableFailure) {
                let answer =
                    node.isImmediate
                    ? try node.lookupNow(key, isWhole: isWhole) : try await node.lookup(key, isWhole: isWhole)
                if let answer { return .table(answer) }
            } catch {
                return .unavailable("table: \(error)")
            }
        }
        return .table(nil)
    }

    /// The same without waiting; nil when a query would have to be made.
    package func answerNow(_ purpose: TablePurpose, key: String, isWhole: Bool) -> Answer? {
        let nodes = nodes(purpose)
        guard nodes.allSatisfy(\.isImmediate) else { return nil }
        for node in nodes {
            do throws(TableFailure) {
                if let answer = try node.lookupNow(key, isWhole: isWhole) { return .table(answer) }
            } catch {
                return .unavailable("table: \(error)")
            }
        }
        return .table(nil)
    }

    /// OpenDKIM's tables and their keys as they are now; nil where the manifest has none.
    package var signing: SigningKeySet? { state.withLock { $0.signing }?.current() }

    /// The same with everything that is wrong with them now.
    package func examineSigning() -> SigningExamination? { state.withLock { $0.signing }?.examine() }

    private func nodes(_ purpose: TablePurpose) -> [TableNode] {
        state.withLock { $0.tables[purpose] ?? [] }
    }
}
