<DTSControl>
  <Version>1.0</Version>
  <AddressType>ALL</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>x26ABC1</From_DTS>
  <To_DTS>x26abc2</To_DTS>
  <From_ESMTP>oldsite1@dts.nhs.uk</From_ESMTP>
  <To_ESMTP>x26abc2@dts.nhs.uk</To_ESMTP>
  <Subject>Weekly figures v1_3</Subject>
  <LocalId>FiguresOld Weekly Figures v1_3 Part2.csv</LocalId>
  <DTSId>@DTSID@</DTSId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_FIGURES</WorkflowId>
  <ProcessId></ProcessId>
  <DataChecksum></DataChecksum>
  <IsCompressed>Y</IsCompressed>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>TRANSFER</Event>
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Data Transfer success confirmation.</Description>
  </StatusRecord>
</DTSControl>
