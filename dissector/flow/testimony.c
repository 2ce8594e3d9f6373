/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is known of a request by all who have seen it: packets tell first, then logs.
 */
#include "flow.h"

const flow_exchange *
flow_witness(const flow_exchange *exchange, guint index)
{
    if (index == 0)
        return exchange;
    return exchange->witnesses && index <= exchange->witnesses->len ? exchange->witnesses->pdata[index - 1] : NULL;
}

bool
flow_is_logged(const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->testimony)
            return true;
    }
    return false;
}

int
flow_http_status(const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->http_status > 0)
            return witness->http_status;
    }
    return 0;
}

unsigned
flow_http_substatus(const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->http_substatus > 0)
            return witness->http_substatus;
    }
    return 0;
}

const char *
flow_problem(const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->problem)
            return witness->problem;
    }
    return NULL;
}

bool
flow_is_seen_by(const flow_exchange *exchange, GHashTable *conversations)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (g_hash_table_contains(conversations, witness->conversation))
            return true;
    }
    return false;
}
