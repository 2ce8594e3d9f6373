/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * File > Export Objects > SCEP.
 */
#ifndef VIEW_EXPORT_OBJECTS_H
#define VIEW_EXPORT_OBJECTS_H

void export_objects_register(void);

#endif
