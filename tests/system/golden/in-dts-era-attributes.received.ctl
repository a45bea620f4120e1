<DTSControl>
  <Version>1.0</Version>
  <AddressType>ALL</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <From_ESMTP>x26abc1@dts.nhs.uk</From_ESMTP>
  <To_ESMTP>x26abc2@dts.nhs.uk</To_ESMTP>
  <Subject>Weekly figures v1_3</Subject>
  <LocalId>FiguresOld Weekly Figures v1_3 Part2.csv</LocalId>
  <DTSId>@DTSID@</DTSId>
  <PartnerId></PartnerId>
  <Compress>N</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_FIGURES</WorkflowId>
  <ProcessId></ProcessId>
  <DataChecksum></DataChecksum>
  <IsCompressed>N</IsCompressed>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>TRANSFER</Event>
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Transferred to recipient mailbox</Description>
  </StatusRecord>
</DTSControl>
