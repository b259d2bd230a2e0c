// What the cases of Thunderbird do in it; put before each of their scripts, which run in its main window.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

const tb = {
  // Makes an exception for a certificate in PEM, as a user does who confirms one that nobody signed.
  trust(pem, ports) {
    const base64 = pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
    const certificate = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).constructX509FromBase64(base64);
    const exceptions = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
    for (const port of ports) {
      exceptions.rememberValidityOverride("localhost", port, {}, certificate, false);
    }
  },

  // An account as its set-up makes it: server, password, identity, and submission.
  async account({ type, user, password, port, smtp, preferences }) {
    for (const origin of [`${type == "pop3" ? "mailbox" : type}://localhost`, "smtp://localhost"]) {
      const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
      login.init(origin, null, origin, user, password, "", "");
      await Services.logins.addLoginAsync(login);
    }
    const server = MailServices.accounts.createIncomingServer(user, "localhost", type);
    server.port = port;
    server.socketType = Ci.nsMsgSocketType.SSL;
    server.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    server.loginAtStartUp = server.doBiff = type == "imap";
    for (const [name, value] of Object.entries(preferences || {})) {
      server[typeof value == "boolean" ? "setBoolValue" : "setIntValue"](name, value);
    }
    const outgoing = MailServices.outgoingServer.createServer("smtp");
    const sending = outgoing.QueryInterface(Ci.nsISmtpServer);
    sending.hostname = "localhost";
    sending.port = smtp;
    outgoing.username = user;
    outgoing.socketType = Ci.nsMsgSocketType.SSL;
    outgoing.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
    const identity = MailServices.accounts.createIdentity();
    identity.email = user;
    identity.fullName = "Alice";
    identity.smtpServerKey = outgoing.key;
    const account = MailServices.accounts.createAccount();
    account.incomingServer = server;
    account.addIdentity(identity);
    MailServices.accounts.defaultAccount = account;
    MailServices.outgoingServer.defaultServer = outgoing;
    server.valid = true;
    server.password = password;
    await this.url(listener => server.verifyLogon(listener, null));
    return account.key;
  },

  get server() {
    return MailServices.accounts.defaultAccount.incomingServer;
  },

  get identity() {
    return MailServices.accounts.defaultAccount.defaultIdentity;
  },

  folder(path) {
    const found = path.split("/").reduce((folder, name) => folder && folder.subFolders.find(one => one.name == name), this.server.rootFolder);
    if (!found) {
      throw new Error(`no folder ${path}: ${this.folders().map(one => one.path)}`);
    }
    return found;
  },

  // Folders with the uses that they have by their flags.
  folders() {
    const uses = ["Inbox", "SentMail", "Drafts", "Trash", "Junk", "Archive"];
    return this.server.rootFolder.descendants.map(folder => ({
      path: decodeURIComponent(folder.URI.split("/").slice(3).join("/")),
      uses: uses.filter(name => folder.flags & Ci.nsMsgFolderFlags[name]),
    }));
  },

  // Waits for what `start` begins, when it is given a listener for its end.
  url(start) {
    return new Promise((resolve, reject) => {
      start({
        QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
        OnStartRunningUrl() {},
        OnStopRunningUrl(url, status) {
          Components.isSuccessCode(status) ? resolve() : reject(new Error(`${url && url.spec}: ${status.toString(16)}`));
        },
      });
    });
  },

  copy(start) {
    return new Promise((resolve, reject) => {
      start({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
        ...this.copyEnds(resolve, reject),
      });
    });
  },

  // What the copy service tells of: only the end matters.
  copyEnds(resolve, reject) {
    return {
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId() {
        return null;
      },
      onStopCopy(status) {
        Components.isSuccessCode(status) ? resolve() : reject(new Error(`copy: ${status.toString(16)}`));
      },
    };
  },

  update(folder) {
    return this.url(listener => folder.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, listener));
  },

  headers(folder) {
    return [...folder.messages];
  },

  header(folder, subject) {
    const found = this.headers(folder).find(one => one.mime2DecodedSubject == subject);
    if (!found) {
      throw new Error(`no ${subject} in ${folder.name}: ${this.headers(folder).map(one => one.mime2DecodedSubject)}`);
    }
    return found;
  },

  // Messages as the list of a folder shows them.
  list(folder) {
    return this.headers(folder).map(one => ({
      uid: one.messageKey,
      subject: one.mime2DecodedSubject,
      author: one.mime2DecodedAuthor,
      isRead: one.isRead,
      isFlagged: one.isFlagged,
      tags: one.getStringProperty("keywords"),
      size: one.messageSize,
    }));
  },

  // The octets of a message as the folder has them at hand, in base64.
  octets(folder, header) {
    const stream = folder.getMsgInputStream(header);
    const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
    binary.setInputStream(stream);
    let text = "";
    for (let count = binary.available(); count; count = binary.available()) {
      text += binary.readBytes(count);
    }
    binary.close();
    return btoa(text);
  },

  // Subjects of what a search that the server carries out finds.
  search(folder, attribute, text) {
    const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
    const found = [];
    session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder);
    const term = session.createTerm();
    term.attrib = Ci.nsMsgSearchAttrib[attribute];
    term.op = Ci.nsMsgSearchOp.Contains;
    const value = term.value;
    value.attrib = term.attrib;
    value.str = text;
    term.value = value;
    session.appendTerm(term);
    return new Promise((resolve, reject) => {
      session.registerListener({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
        onSearchHit(header) {
          found.push(header.mime2DecodedSubject);
        },
        onSearchDone(status) {
          Components.isSuccessCode(status) ? resolve(found.sort()) : reject(new Error(`search: ${status.toString(16)}`));
        },
        onNewSearch() {},
      });
      session.search(null);
    });
  },

  // Sends a message as the compose window does, with the copy that the identity asks for.
  send(to, subject, body) {
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    fields.from = this.identity.fullAddress;
    fields.to = to;
    fields.subject = subject;
    const sending = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
    return new Promise((resolve, reject) => {
      sending.createAndSendMessage(
        null, this.identity, MailServices.accounts.defaultAccount.key, fields, false, false, Ci.nsIMsgSend.nsMsgDeliverNow,
        null, "text/plain", body, null, null, {
          QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
          onStartSending() {},
          onSendProgress() {},
          onStatus() {},
          onSendNotPerformed() {},
          onGetDraftFolderURI() {},
          onTransportSecurityError() {},
          onStopSending(id, status, text) {
            if (!Components.isSuccessCode(status)) {
              reject(new Error(`sending: ${status.toString(16)} ${text}`));
            }
          },
          ...this.copyEnds(resolve, reject),
        }, "", "", Ci.nsIMsgCompType.New
      );
    });
  },
};
