/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The frames of a sample, and what tshark says of them.
 */
#ifndef TESTS_CAPTURE_H
#define TESTS_CAPTURE_H

#include <glib.h>

/* The frames, GBytes each, of a pcapng file below captures/samples whose link is Ethernet. */
GPtrArray *capture_frames(const char *file);

/* What tshark prints of the frames that match `filter`: for each a vector of the values of `fields`, a NULL-terminated
 * vector too. TLS secrets in the file are kept from it. NULL, and the test is skipped, where there is no tshark. */
GPtrArray *capture_facts(const GPtrArray *frames, const char *filter, const char *const *fields);

#endif
