/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The enrolments as a table: Statistics > SCEP Enrolments, -z scep,summary.
 */
#ifndef VIEW_ENROLMENT_TABLE_H
#define VIEW_ENROLMENT_TABLE_H

void enrolment_table_register(void);

#endif
