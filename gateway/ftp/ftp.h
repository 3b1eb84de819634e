// The FTP server of the export folder (REC-05): ProFTPD, a process a connection, for the user wsmeasure. Off
// until his password was changed.
#ifndef EDGEWATT_FTP_FTP_H
#define EDGEWATT_FTP_FTP_H

int ftp_main(int argc, char **argv);

#endif
