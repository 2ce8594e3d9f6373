/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls of a registration point and their answers: what the first pass keeps of each.
 */
#ifndef CRP_EXCHANGE_H
#define CRP_EXCHANGE_H

#include <epan/packet.h>

#include "../scep/certificate.h"
#include "body.h"
#include "calls.h"

typedef struct crp_record crp_record;

/* One call, or the answer to one. File scope; made on the frame's first visit, later visits only read (but `peer` of a
 * call comes with its answer). */
struct crp_record {
    uint32_t     frame;
    nstime_t     time;
    bool         is_response;
    crp_target   target;
    const char  *user_agent;  /* of the call; NULL when there was none */
    unsigned     http_status; /* of an answer */
    unsigned     ordinal;     /* which of the frame's bodies this is, from 1; 0 when it came without one */
    crp_body     body;
    scep_request *request;    /* the first PKCS #10 in it, or NULL */
    wmem_array_t *certificates; /* of scep_certificate *; NULL when there are none */
    crp_record  *peer;        /* the answer to a call, the call of an answer */
};

void crp_exchange_init(int proto);

/* Makes the record of a call whose body is `length` octets of `data`. */
crp_record *crp_exchange_add_call(packet_info *pinfo, const crp_target *target, const char *user_agent,
                                  const uint8_t *data, size_t length);

/* The call of this conversation that waits for its answer and stands in `frame` (0: in any), or NULL. */
crp_record *crp_exchange_waiting(packet_info *pinfo, uint32_t frame);

/* Makes the record of the answer to `call`. */
crp_record *crp_exchange_add_answer(packet_info *pinfo, crp_record *call, unsigned http_status, const uint8_t *data,
                                    size_t length);

/* The records of the frame in order, an array of crp_record *; NULL when there are none. */
wmem_array_t *crp_exchange_records(packet_info *pinfo);

/* What an answer says: 1 yes, 0 no, -1 nothing. A call that tells of an outcome is not verified. */
int crp_record_verified(const crp_record *answer);

/* The value of the record's first item of a kind, or NULL. */
const char *crp_record_value(const crp_record *record, crp_item_kind kind);

/* True when a call tells that nothing was issued. */
bool crp_record_tells_failure(const crp_record *call);

#endif
