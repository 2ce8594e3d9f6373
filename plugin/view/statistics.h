/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was read, counted: response times (-z scep,srt; -z crp,srt) and messages (-z scep,tree).
 */
#ifndef VIEW_STATISTICS_H
#define VIEW_STATISTICS_H

void statistics_register(int proto_scep, int proto_crp);

#endif
