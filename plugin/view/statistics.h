/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was read of SCEP, counted: response times (-z scep,srt) and messages (-z scep,tree).
 */
#ifndef VIEW_STATISTICS_H
#define VIEW_STATISTICS_H

void statistics_register(int proto_scep);

#endif
