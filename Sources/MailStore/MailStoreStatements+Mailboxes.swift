import SQLEngine

/// Statements about mailboxes, who may use them, and what is noted beside them.
extension MailStoreStatements {
    // One mailbox, level by level: the cost doesn't grow with the number of mailboxes.
    static let mailboxByName = SQLStatement(
        """
        SELECT id, parent_id, name, special_use, selectable, uid_validity, uid_next, recent_from, messages, unseen,
            deleted, size, highest_modseq
        FROM mailbox WHERE account_id = $1 AND parent_id = $2 AND name = $3
        """)
    static let mailboxHasChildren = SQLStatement(
        "SELECT 1 FROM mailbox WHERE account_id = $1 AND parent_id = $2 LIMIT 1")
    static let isSubscribed = SQLStatement("SELECT 1 FROM subscription WHERE account_id = $1 AND path = $2")
    static let lockAccount = SQLStatement("UPDATE account_state SET modseq = modseq WHERE account_id = $1")

    // Access
    static let rightsOf = SQLStatement(
        "SELECT negative, rights FROM mailbox_acl WHERE mailbox_id = $1 AND grantee_id IN (0, $2)")
    static let inheritAccess = SQLStatement(
        """
        INSERT INTO mailbox_acl (mailbox_id, grantee_id, negative, rights)
        SELECT CAST($1 AS BIGINT), grantee_id, negative, rights FROM mailbox_acl WHERE mailbox_id = $2
        """)

    static let mailboxStatements = [
        mailboxByName, mailboxHasChildren, isSubscribed, lockAccount, rightsOf, inheritAccess,
    ]
}
