// Commands of this folder.
#ifndef EDGEWATT_FIELD_FIELD_H
#define EDGEWATT_FIELD_FIELD_H

#include "base/err.h"

int profiles_main(int argc, char **argv);    // edgewatt profiles
int new_profile_main(int argc, char **argv); // edgewatt profiles new: a profile out of a register table
int read_main(int argc, char **argv);        // edgewatt read: registers of one device
int write_main(int argc, char **argv);       // edgewatt write
int scan_main(int argc, char **argv);        // edgewatt scan: which addresses of a line answer
int report_main(int argc, char **argv);      // edgewatt report: reportdata.zip
int export_main(int argc, char **argv);      // edgewatt export: the CSV files up to now

// The same as edgewatt export, without a word; takes as long as the files do. EW_E_UNKNOWN with code
// "tool.no_gateway" when none runs on this data folder.
enum ew_err field_export(const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK;

#endif
