/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Evidence made by hand for the tests of dissector/flow. GLib only.
 *
 * Times are milliseconds after BEGIN; each millisecond has one frame, at(0) is frame 1. A conversation that is begun
 * here has TCP and TLS handshakes of ten milliseconds, to port 443, and no end.
 */
#ifndef TESTS_FLOW_SUPPORT_H
#define TESTS_FLOW_SUPPORT_H

#include <glib.h>

#include "flow/evidence.h"

#define MILLISECOND G_GINT64_CONSTANT(1000000)
#define SECOND      (1000 * MILLISECOND)
#define BEGIN       (G_GINT64_CONSTANT(1465526646) * SECOND) /* date -u -d @1465526646: Fri Jun 10 02:44:06 UTC 2016 */

/* In the unit of the arguments below. */
#define MINUTES G_GINT64_CONSTANT(60000)
#define HOURS   (60 * MINUTES)

#define DEVICE       "192.0.2.10"
#define OTHER_DEVICE "192.0.2.11"
#define WAP          "192.0.2.20"
#define WAP_INSIDE   "198.51.100.20"
#define NDES         "198.51.100.30"
#define CRP          "198.51.100.40"
#define CA           "198.51.100.50"
#define MDM          "203.0.113.60"
#define NAME         "scep.contoso.com"
#define PLAIN_NAME   "portal.contoso.com" /* nothing in it says SCEP */
#define INNER_NAME   "ndes.corp.contoso.com"
#define CRP_NAME     "crp.corp.contoso.com"
#define MDM_NAME     "fef.msua01.manage.microsoft.com"

/* User agents as the devices send them. */
#define WINDOWS_AGENT "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)"
#define IOS_AGENT     "profiled/1.0 CFNetwork/1410.0.3 Darwin/22.6.0"
#define ANDROID_AGENT "Dalvik/2.1.0 (Linux; U; Android 10; SM-A405FN)"
#define MACOS_AGENT   "mdmclient/1420.0.0 CFNetwork/1408.0.4 Darwin/22.5.0"

/* Octets of requests and answers as TLS shows them, well within what they may be. */
#define SMALL_REQUEST    300
#define CAPS_ANSWER      240
#define CERT_ANSWER      3500
#define OPERATION        7000
#define OPERATION_ANSWER 2500

/* Likewise of NDES's calls, as the policy module of ConfigMgr and IIS were seen to have them. */
#define VERIFY        1332
#define VERIFY_ANSWER 235
#define NOTIFY        1630
#define NOTIFY_ANSWER 168

flow_moment at(int64_t time);

/* What is compiled in, for the whole program. */
const flow_knowledge *built_in(void);

/* A model of a new file; `servers` as in the preferences, or NULL. */
flow_model *new_model(const char *servers);

/* Evaluates as of `time`, which is that of the file's last frame. */
const flow_result *evaluate(flow_model *model, int64_t time);

/* The enrolment with this number, which must be there. */
const flow_enrolment *enrolment_of(const flow_result *result, unsigned number);

/* The conversation's only part. */
const flow_part *part_of(const flow_conversation *conversation);

/* A conversation with a server named `name` (or NULL), the handshakes done with TLS 1.2 at `time` + 10. */
flow_conversation *begin(flow_model *model, const char *client, const char *server, const char *name, int64_t time);

/* A conversation of which only the SYN at `time` is there. */
flow_conversation *begin_with_syn(flow_model *model, const char *client, const char *server, int64_t time);

/* Closed by both sides, the client first. */
void finish(flow_conversation *conversation, int64_t time);

/* RST in answer to the SYN of begin_with_syn(). */
void refuse(flow_conversation *conversation, int64_t time);

/* An encrypted request at `time` and its answer `wait` later; none when `answer` is 0. */
void turn(flow_conversation *conversation, int64_t time, uint32_t request, uint32_t answer, int64_t wait);

/* A request that was read, and its answer. message_type is PKCSReq for a PKIOperation. */
flow_exchange *ask(flow_conversation *conversation, int64_t time, flow_step step, const char *message,
                   const char *user_agent);
void           answer(flow_exchange *exchange, int64_t time, int http_status);
void           answer_operation(flow_exchange *exchange, int64_t time, int pki_status);

/* A PKIOperation of this transaction and message type. */
flow_exchange *ask_operation(flow_conversation *conversation, int64_t time, const char *transaction, int message_type,
                             const char *user_agent);

/* A PKIOperation of this transaction (NULL: none is known) at NDES, from the proxy's inner address, alone on a connection
 * that is begun 20 before; answered with SUCCESS `wait` after `time`, not at all when `wait` is 0. */
flow_exchange *operation_at_ndes(flow_model *model, int64_t time, const char *transaction, int64_t wait);

/* A VerifyRequest or Notify that was read, with this transaction or NULL, answered well (201 and true, or 204) `wait`
 * later, not at all when `wait` is 0. */
flow_exchange *call(flow_conversation *conversation, int64_t time, flow_step step, const char *transaction, int64_t wait);

/* A connection of DCE/RPC to the CA, at one of its dynamic ports, with TCP's handshake alone, and a request for a
 * certificate in it, of which the CA issues; `wait` likewise. */
flow_conversation *begin_rpc(flow_model *model, const char *client, int64_t time);
flow_exchange     *rpc_call(flow_conversation *conversation, int64_t time, int64_t wait);

/* Encrypted calls, answered `wait` later. */
void verify_turn(flow_conversation *conversation, int64_t time, int64_t wait);
void notify_turn(flow_conversation *conversation, int64_t time, int64_t wait);

/* TLS was broken off by this side at `time` with an alert (RFC 8446 6), in answer to the server's certificate. */
void break_off(flow_conversation *conversation, int64_t time, flow_side by, int alert);

/* RFC 8894 3.2.1.2, 3.2.1.3 */
enum { RENEWAL_REQ = 17, PKCS_REQ = 19, CERT_POLL = 20, GET_CERT = 21 };
enum { SUCCESS = 0, FAILURE = 2, PENDING = 3 };

/* The three conversations of a Windows device under MDM from `time` on, encrypted: requests at 20, 40; 2020, 2040;
 * 6020; the last answer 500 after its request. `conversations` may be NULL. */
void windows_encrypted(flow_model *model, const char *client, const char *server, const char *name, int64_t time,
                       flow_conversation *conversations[3]);

/* The same, read, with this transaction and the CertRep's pkiStatus. */
void windows_read(flow_model *model, const char *client, const char *server, int64_t time, const char *transaction,
                  int pki_status, flow_conversation *conversations[3]);

/* One conversation in which everything was read: discovery in the given order, PKIOperation, requests 100 apart. */
flow_conversation *device_read(flow_model *model, const char *client, int64_t time, flow_step first, flow_step second,
                               const char *message, const char *user_agent, int pki_status);

/* The enrolment's steps against the expected flow, "STEP STATE, STEP STATE …". */
void assert_steps(const flow_enrolment *enrolment, const char *expected);

/* Likewise "STEP STATE" of one conversation. */
void assert_part_steps(const flow_part *part, const char *expected);

/* The roles, joined by commas. */
void assert_roles(const flow_part *part, const char *expected);

/* The state of the (first) expected step of this name, which must be there. */
flow_state state_of_step(const flow_enrolment *enrolment, flow_step step);

/* `text` has `part` in it. */
void assert_contains(const char *text, const char *part);

/* The finding with this id, or NULL; how many there are. */
const flow_finding *finding_of(const flow_enrolment *enrolment, const char *id);
unsigned            count_findings(const flow_enrolment *enrolment, const char *id);

#endif
