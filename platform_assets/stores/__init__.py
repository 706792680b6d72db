"""Where files lie that are not on this machine: objects below a URL by obstore, folders of SFTP servers by paramiko."""
