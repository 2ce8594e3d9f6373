/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The made samples, each a function that plays its exchanges. captures/samples/made.md says what is true of them. */
#ifndef RECORD_SCENARIOS_H
#define RECORD_SCENARIOS_H

#include "sample.h"

/* What the SCEP messages are about. */
void play_ndes_failure(struct sample *s);
void play_ndes_success(struct sample *s);
void play_ios_ber(struct sample *s);
void play_pending_poll(struct sample *s);
void play_renewal(struct sample *s);
void play_algorithms(struct sample *s);
void play_inconsistent(struct sample *s);
void play_all_failinfo(struct sample *s);
void play_getcert_getcrl_nextca(struct sample *s);
void play_odd_attributes(struct sample *s);

/* How HTTP and TCP carry them. */
void play_get_encodings(struct sample *s);
void play_pipelined(struct sample *s);
void play_many_segments(struct sample *s);
void play_chunked_gzip(struct sample *s);
void play_keepalive_two_transactions(struct sample *s);
void play_lf_only(struct sample *s);
void play_empty_answers(struct sample *s);

#endif
