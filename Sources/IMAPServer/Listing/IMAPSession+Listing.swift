import IMAPCore
import MailStore

/// LIST answers that nobody asked for by LIST.
extension IMAPSession {
    /// A mailbox with all of its attributes as they are.
    /// - Parameters:
    ///   - oldName: what it was called before.
    ///   - subscribed: nil where \Subscribed need not be told.
    func listing(of target: MailboxTarget, oldName: IMAPMailboxName? = nil, subscribed: Bool? = nil) -> ListResponse {
        var attributes: [ListAttribute] = target.info.selectable ? [] : [.noSelect]
        if subscribed == true { attributes.append(.subscribed) }
        attributes.append(target.info.hasChildren ? .hasChildren : .hasNoChildren)
        if let use = target.info.specialUse { attributes.append(.specialUse(IMAPSpecialUse(use))) }
        return ListResponse(target.name, attributes: attributes, oldName: oldName)
    }
}
